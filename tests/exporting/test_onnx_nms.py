from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from yolo.boxes.detections import Predictions
from yolo.boxes.nms import NmsSettings, non_max_suppression
from yolo.exporting.onnx_nms import NMS_OUTPUTS, append_nms
from yolo.exporting.runtimes import outputs_to_detections

CANDIDATES = """
<ir_version: 10, opset_import: ["" : 18]>
candidates (float[batch, N, 4] b, float[batch, N, C] s) => (float[batch, N, 4] boxes, float[batch, N, C] scores)
{ boxes = Identity(b)
  scores = Identity(s) }
"""


@pytest.mark.parametrize(
    ("num_boxes", "num_classes", "max_detections"),
    [
        (60, 3, 20),  # more detections than rows
        (60, 3, 500),  # fewer detections than rows, more rows than candidates
        (5, 1, 3),
    ],
)
@pytest.mark.parametrize("threshold", [0.0, 0.4, 0.99999])
def test_the_graph_gives_the_detections_of_our_own_nms(
    num_boxes: int, num_classes: int, max_detections: int, threshold: float
) -> None:
    generator = torch.Generator().manual_seed(num_boxes + max_detections)
    corner = torch.rand(2, num_boxes, 2, generator=generator) * 60
    boxes = torch.cat([corner, corner + 5 + torch.rand(2, num_boxes, 2, generator=generator) * 40], -1)
    scores = torch.rand(2, num_boxes, num_classes, generator=generator)
    settings = NmsSettings(score_threshold=threshold, iou_threshold=0.45, max_detections=max_detections)
    session = onnxruntime.InferenceSession(
        append_nms(onnx.parser.parse_model(CANDIDATES), settings).SerializeToString(),
        providers=["CPUExecutionProvider"],
    )
    arrays = session.run(list(NMS_OUTPUTS), {"b": boxes.numpy(), "s": scores.numpy()})
    assert [array.shape for array in arrays] == [(2, max_detections, 4), (2, max_detections), (2, max_detections), (2,)]
    outputs = dict(zip(NMS_OUTPUTS, arrays, strict=True))
    expected = non_max_suppression(Predictions(boxes, scores), settings)
    for reference, exported in zip(expected, outputs_to_detections(outputs, settings), strict=True):
        assert torch.equal(reference.xyxy, exported.xyxy)
        assert torch.equal(reference.score, exported.score)
        assert torch.equal(reference.class_id, exported.class_id)
    for image, count in enumerate(outputs["num_detections"]):
        assert not outputs["detection_scores"][image, count:].any()
        assert not outputs["detection_boxes"][image, count:].any()
        assert np.all(outputs["detection_classes"][image, count:] == -1)
