import math

import numpy as np
import pytest

from yolo.evaluation.metrics.operating_point import best_operating_point


@pytest.mark.parametrize(
    ("score", "is_tp", "confidence", "precision", "recall"),
    [
        ([0.9, 0.8, 0.7], [1, 0, 1], 0.7, 2 / 3, 1.0),  # F1 2/3, 1/2, 4/5
        ([0.9, 0.8, 0.7], [1, 1, 0], 0.8, 1.0, 1.0),  # F1 2/3, 1, 4/5
        ([0.7, 0.9, 0.7], [1, 0, 1], 0.7, 2 / 3, 1.0),  # equal scores are accepted together; in any order
        ([0.9, 0.8], [0, 0], 0.9, 0.0, 0.0),  # no true positive: the highest score
    ],
)
def test_one_class_with_two_objects(
    score: list[float], is_tp: list[int], confidence: float, precision: float, recall: float
) -> None:
    point = best_operating_point(
        np.array(score), np.zeros(len(score), np.int64), np.array(is_tp, np.bool_), np.array([2])
    )
    assert point.confidence == confidence
    assert (point.precision[0], point.recall[0]) == pytest.approx((precision, recall))


def test_one_threshold_for_all_classes() -> None:
    # Mean F1 of classes 0 and 1 (one object each): .9 -> (1 + 0)/2, .8 -> (1 + 1)/2, .7 -> (2/3 + 1)/2.
    # Class 2 has no objects: its detection at .85 does not change the mean.
    point = best_operating_point(
        np.array([0.9, 0.8, 0.7, 0.85]),
        np.array([0, 1, 0, 2]),
        np.array([True, True, False, False]),
        np.array([1, 1, 0]),
    )
    assert point.confidence == 0.8
    np.testing.assert_array_equal(point.precision, [1, 1, np.nan])
    np.testing.assert_array_equal(point.recall, [1, 1, np.nan])


def test_without_detections_there_is_no_threshold() -> None:
    empty = np.zeros(0)
    point = best_operating_point(empty, empty.astype(np.int64), empty.astype(np.bool_), np.array([3, 0]))
    assert math.isnan(point.confidence)
    np.testing.assert_array_equal(point.recall, [0, np.nan])
