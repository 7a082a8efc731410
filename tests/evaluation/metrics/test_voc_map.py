import math

import pytest

from tests.evaluation.metrics.test_coco_metrics import flat, record
from yolo.data.index import Index
from yolo.evaluation.metrics.voc_map import voc_metrics

# "a": a truth, a difficult one and, in the second image, another truth; "b": never there.
INDEX = Index.from_records(
    ["a", "b"],
    [record([[10, 10, 19, 19], [50, 50, 59, 59]], [0, 0], [False, True]), record([[20, 20, 39, 39]], [0])],
)
FOUND = flat(
    [
        (0, [50, 50, 59, 59], 0.95, 0),  # on the difficult one: counts neither way
        (0, [50, 50, 59, 59], 0.94, 0),
        (0, [10, 10, 19, 19], 0.9, 0),
        (0, [10, 10, 19, 18], 0.8, 0),  # a second one on the same truth
        (1, [20, 20, 39, 39], 0.2, 0),
    ]
)


@pytest.mark.parametrize(("metric", "expected"), [("voc", 1 / 2 + 1 / 2 * 2 / 3), ("voc07", (6 * 1 + 5 * 2 / 3) / 11)])
def test_average_precision(metric: str, expected: float) -> None:
    got = voc_metrics(INDEX, FOUND, metric=metric, iou_threshold=0.5, confidence=0.25)
    assert got.classes[0].ap == pytest.approx(expected)
    assert math.isnan(got.classes[1].ap)
    assert got.mean_ap == pytest.approx(expected)
    assert (got.tp, got.fp, got.fn, got.detections, got.truths) == (1, 1, 1, 3, 2)


def test_corners_name_pixels() -> None:
    # 10 x 10 pixels against 10 x 5: exactly half, and half is enough. As edges it would be 9 x 4 of 9 x 9.
    found = flat([(0, [10, 10, 19, 14], 0.9, 0)])
    got = voc_metrics(INDEX, found, metric="voc", iou_threshold=0.5, confidence=0.25)
    assert (got.tp, got.average_iou) == (1, 0.5)
