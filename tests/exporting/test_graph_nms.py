from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from yolo.boxes.detections import Predictions
from yolo.boxes.nms import NmsSettings, non_max_suppression
from yolo.exporting.graph_nms import NMS_OUTPUTS, with_suppression
from yolo.exporting.runtime_detector import detections_of

CANDIDATES = """
<ir_version: 10, opset_import: ["" : 18]>
candidates (float[batch, N, 4] b, float[batch, N, C] s) => (float[batch, N, 4] boxes, float[batch, N, C] scores)
{ boxes = Identity(b)
  scores = Identity(s) }
"""


@pytest.mark.parametrize(
    ("num_boxes", "num_classes", "most"),
    [
        (60, 3, 20),  # more than are wanted
        (60, 3, 500),  # fewer detections than rows, more rows than candidates
        (5, 1, 3),
    ],
)
@pytest.mark.parametrize("threshold", [0.0, 0.4, 0.99999])
def test_it_finds_what_our_own_suppression_finds(num_boxes: int, num_classes: int, most: int, threshold: float) -> None:
    generator = torch.Generator().manual_seed(num_boxes + most)
    corner = torch.rand(2, num_boxes, 2, generator=generator) * 60
    boxes = torch.cat([corner, corner + 5 + torch.rand(2, num_boxes, 2, generator=generator) * 40], -1)
    scores = torch.rand(2, num_boxes, num_classes, generator=generator)
    settings = NmsSettings(score_threshold=threshold, iou_threshold=0.45, max_detections=most)
    session = onnxruntime.InferenceSession(
        with_suppression(onnx.parser.parse_model(CANDIDATES), settings).SerializeToString(),
        providers=["CPUExecutionProvider"],
    )
    arrays = session.run(list(NMS_OUTPUTS), {"b": boxes.numpy(), "s": scores.numpy()})
    assert [array.shape for array in arrays] == [(2, most, 4), (2, most), (2, most), (2,)]
    outputs = dict(zip(NMS_OUTPUTS, arrays, strict=True))
    expected = non_max_suppression(Predictions(boxes, scores), settings)
    for ours, theirs in zip(expected, detections_of(outputs, settings), strict=True):
        assert torch.equal(ours.xyxy, theirs.xyxy)
        assert torch.equal(ours.score, theirs.score)
        assert torch.equal(ours.class_id, theirs.class_id)
    for image, count in enumerate(outputs["num_detections"]):
        assert not outputs["detection_scores"][image, count:].any()
        assert not outputs["detection_boxes"][image, count:].any()
        assert np.all(outputs["detection_classes"][image, count:] == -1)
