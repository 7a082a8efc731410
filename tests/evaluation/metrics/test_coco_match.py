import numpy as np

from tests.evaluation.splits import flat_detections, image_record
from yolo.data.index import Index
from yolo.evaluation.metrics.coco_match import CocoMatcher, xyxy_to_coco_bbox


def test_example_worked_by_hand() -> None:
    index = Index.from_records(
        ["a", "b"],
        [
            image_record([[0, 0, 10, 10]], [1]),
            image_record([[0, 0, 10, 10], [50, 50, 90, 90]], [0, 0], [False, True]),
        ],
    )
    detections = flat_detections(
        [
            (1, [0, 0, 10, 8], 0.5, 0),  # TP of box 1: the better detection is too far off
            (1, [0, 0, 10, 4], 0.9, 0),  # FP
            (1, [55, 55, 60, 60], 0.7, 0),  # on the crowd, box 2
            (0, [0, 0, 10, 10], 0.8, 1),  # TP of box 0
            (0, [0, 0, 10, 10], 0.6, 0),  # FP: of another class
        ]
    )
    matches = CocoMatcher(index, detections).match_at_iou50()
    # Sorted by image, class and descending score.
    assert matches.detections.score.tolist() == [0.6, 0.8, 0.9, 0.7, 0.5]
    assert matches.gt_id.tolist() == [-1, 0, -1, 2, 1]
    assert matches.is_tp.tolist() == [False, True, False, False, True]
    assert matches.is_counted.tolist() == [True, True, True, False, True]


def test_coco_boxes_are_corner_and_size() -> None:
    assert xyxy_to_coco_bbox(np.array([[1.0, 2.0, 4.0, 8.0]])).tolist() == [[1, 2, 3, 6]]
