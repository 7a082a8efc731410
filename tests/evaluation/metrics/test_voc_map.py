import math

import pytest

from tests.evaluation.splits import flat_detections, image_record
from yolo.data.index import Index
from yolo.evaluation.metrics.voc_map import compute_voc_map

# "a": an object, a difficult one and, in the second image, another object; "b": no objects.
INDEX = Index.from_records(
    ["a", "b"],
    [image_record([[10, 10, 19, 19], [50, 50, 59, 59]], [0, 0], [False, True]), image_record([[20, 20, 39, 39]], [0])],
)
FOUND = flat_detections(
    [
        (0, [50, 50, 59, 59], 0.95, 0),  # on the difficult object: ignored
        (0, [50, 50, 59, 59], 0.94, 0),
        (0, [10, 10, 19, 19], 0.9, 0),
        (0, [10, 10, 19, 18], 0.8, 0),  # a duplicate
        (1, [20, 20, 39, 39], 0.2, 0),
    ]
)


@pytest.mark.parametrize(("metric", "expected"), [("voc", 1 / 2 + 1 / 2 * 2 / 3), ("voc07", (6 * 1 + 5 * 2 / 3) / 11)])
def test_average_precision(metric: str, expected: float) -> None:
    got = compute_voc_map(INDEX, FOUND, metric=metric, iou_threshold=0.5, confidence=0.25)
    assert got.classes[0].ap == pytest.approx(expected)
    assert math.isnan(got.classes[1].ap)
    assert got.mean_ap == pytest.approx(expected)
    assert (got.tp, got.fp, got.fn, got.num_detections, got.num_gt) == (1, 1, 1, 3, 2)


def test_corners_name_the_first_and_last_pixel() -> None:
    # 10 x 10 pixels and 10 x 5: IoU exactly .5, which is enough. With corners as edges it would be 9 x 4 of 9 x 9.
    detections = flat_detections([(0, [10, 10, 19, 14], 0.9, 0)])
    got = compute_voc_map(INDEX, detections, metric="voc", iou_threshold=0.5, confidence=0.25)
    assert (got.tp, got.average_iou) == (1, 0.5)
