"""Append non-maximum suppression to an ONNX graph.

Axes: B images, N candidate boxes, C classes, D detections per image at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.exporting.detector_graph import DETECTOR_OUTPUTS

if TYPE_CHECKING:
    from onnx import ModelProto

    from yolo.boxes.nms import NmsSettings

NMS_OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")


# Outputs have D rows for every image, so that a batch is one array. NonMaxSuppression lists the kept boxes class by
# class; their scores are scattered back into zeros, and the D largest of an image are its detections.
_TEMPLATE = """
<ir_version: 8, opset_import: ["" : 18]>
suppression (float[batch, N, 4] boxes, float[batch, N, C] scores)
    => (float[batch, {max_detections}, 4] detection_boxes, float[batch, {max_detections}] detection_scores,
        int64[batch, {max_detections}] detection_classes, int64[batch] num_detections)
    <int64[1] most = {{{max_detections}}}, float[1] iou = {{{iou}}}, float[1] threshold = {{{score}}},
     int64[2] rows = {{0, -1}}, int64[4] padding = {{0, 0, 0, {max_detections}}}, float[1] no_score = {{0}},
     int64[1] no_class = {{-1}}, int64[1] first = {{1}}, int64[1] last = {{2}}>
{{
    by_class = Transpose<perm = [0, 2, 1]>(scores)
    kept = NonMaxSuppression(boxes, by_class, most, iou, threshold)
    kept_scores = GatherND(by_class, kept)
    shape = Shape(by_class)
    zeros = ConstantOfShape<value = float[1] {{0}}>(shape)
    sparse = ScatterND(zeros, kept, kept_scores)
    flat = Reshape(sparse, rows)
    padded = Pad(flat, padding)
    detection_scores, place = TopK<axis = 1>(padded, most)
    found = Greater(detection_scores, no_score)
    num_boxes = Shape<start = 2, end = 3>(by_class)
    class = Div(place, num_boxes)
    detection_classes = Where(found, class, no_class)
    box = Mod(place, num_boxes)
    box_place = Unsqueeze(box, last)
    best = GatherND<batch_dims = 1>(boxes, box_place)
    found_box = Unsqueeze(found, last)
    detection_boxes = Where(found_box, best, no_score)
    ones = Cast<to = 7>(found)
    num_detections = ReduceSum<keepdims = 0>(ones, first)
}}
"""


def append_nms(model: ModelProto, settings: NmsSettings) -> ModelProto:
    """Return the model with non-maximum suppression after its `boxes` and `scores`, which are no longer outputs.

    The first `num_detections` of an image's D rows are its detections, best first; the other rows have score 0,
    class -1 and a box of zeros.
    """
    import onnx

    text = _TEMPLATE.format(
        max_detections=settings.max_detections, iou=repr(settings.iou_threshold), score=repr(settings.score_threshold)
    )
    nms = onnx.compose.add_prefix(onnx.parser.parse_model(text), "nms/", rename_inputs=False, rename_outputs=False)
    nms.ir_version = model.ir_version
    merged = onnx.compose.merge_models(model, nms, io_map=[(name, name) for name in DETECTOR_OUTPUTS])
    onnx.checker.check_model(merged)
    return merged
