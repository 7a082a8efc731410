import math

import numpy as np
import pytest

from tests.evaluation.splits import image_record
from yolo.data.index import Index
from yolo.evaluation.metrics.average_precision import AcceptedDetections, average_precision, build_ap_metrics


@pytest.mark.parametrize(
    ("is_tp", "num_gt", "points", "expected"),
    [
        ([1, 0, 1], 2, 0, 1 / 2 + 1 / 2 * 2 / 3),  # precision 1 up to recall 1/2, then 2/3
        ([1, 0, 1], 2, 11, (6 * 1 + 5 * 2 / 3) / 11),  # recalls 0 ... .5, .6 ... 1
        ([1, 0, 1], 2, 101, (51 * 1 + 50 * 2 / 3) / 101),
        ([0, 1], 4, 0, 1 / 4 * 1 / 2),
        ([0, 1], 4, 11, 3 / 11 / 2),  # recall .25 covers 0, .1, .2
        ([0, 0], 1, 0, 0.0),
        ([], 1, 11, 0.0),
        ([0], 0, 0, 0.0),
    ],
)
def test_average_precision(is_tp: list[int], num_gt: int, points: int, expected: float) -> None:
    assert average_precision(np.array(is_tp, np.bool_), num_gt, points) == pytest.approx(expected)


def test_metrics_of_two_classes() -> None:
    index = Index.from_records(["a", "b"], [image_record([[0, 0, 9, 9], [5, 5, 9, 9]], [0, 0], [False, True])])
    accepted = AcceptedDetections(np.array([0, 0, 1]), np.array([True, False, False]), np.array([0.8, 0.1, 0.0]))
    got = build_ap_metrics(
        index,
        metric="voc",
        num_ranked=7,
        ap_K=np.array([0.5, math.nan]),
        accepted=accepted,
        iou=0.5,
        confidence=0.25,
    )
    assert (got.mean_ap, got.num_gt, got.num_detections, got.tp, got.fp, got.fn) == (0.5, 1, 7, 1, 2, 0)
    assert (got.precision, got.recall, got.f1) == pytest.approx((1 / 3, 1, 0.5))
    assert got.average_iou == pytest.approx(0.8 / 3)
    a, b = got.classes
    assert (a.num_images, a.num_gt, a.tp, a.fp, a.precision, a.recall) == (1, 1, 1, 1, 0.5, 1)
    assert (b.num_gt, b.tp, b.fp, b.precision) == (0, 0, 1, 0)
    assert got.as_json()["classes"][1]["ap"] is None
