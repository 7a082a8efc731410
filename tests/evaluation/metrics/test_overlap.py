import numpy as np
import pytest

from tests.evaluation.splits import flat_detections, image_record
from yolo.data.index import Index
from yolo.evaluation.metrics.overlap import best_overlapping_gt, is_first_match

# Boxes 0 and 1 (class "a") and 2 (class "b") are in the first image, box 3 in the second.
INDEX = Index.from_records(
    ["a", "b"],
    [image_record([[0, 0, 10, 10], [0, 5, 10, 15], [0, 0, 10, 10]], [0, 0, 1]), image_record([[0, 0, 10, 10]], [0])],
)
DETECTIONS = flat_detections(
    [
        (1, [0, 0, 10, 5], 0.9, 0),  # half of box 3
        (0, [0, 4, 10, 14], 0.8, 0),  # overlaps box 1 by 9 rows and box 0 by 6
        (0, [0, 2.5, 10, 12.5], 0.7, 0),  # overlaps boxes 0 and 1 equally: the first counts
        (0, [0, 0, 10, 10], 0.6, 1),
        (0, [50, 50, 60, 60], 0.5, 0),  # overlaps nothing
    ]
)


def test_each_detection_gets_the_box_of_its_class_that_it_overlaps_most() -> None:
    gt_id, gt_iou = best_overlapping_gt(INDEX, DETECTIONS, np.ones(4, np.bool_))
    assert gt_id.tolist() == [3, 1, 0, 2, -1]
    assert gt_iou == pytest.approx([1 / 2, 9 / 11, 7.5 / 12.5, 1, 0])


def test_only_candidates_are_chosen() -> None:
    gt_id, gt_iou = best_overlapping_gt(INDEX, DETECTIONS, np.array([True, False, False, False]))
    assert gt_id.tolist() == [-1, 0, 0, -1, -1]
    assert gt_iou == pytest.approx([0, 6 / 14, 7.5 / 12.5, 0, 0])


def test_inclusive_corners_make_boxes_a_pixel_larger() -> None:
    _, gt_iou = best_overlapping_gt(INDEX, DETECTIONS, np.ones(4, np.bool_), inclusive=True)
    assert gt_iou[0] == pytest.approx(6 / 11)  # 11 x 6 of 11 x 11 pixels


def test_first_detection_of_each_box() -> None:
    assert is_first_match(np.array([2, -1, 0, 2, -1, 0, 1])).tolist() == [True, False, True, False, False, False, True]
