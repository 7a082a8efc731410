import numpy as np
import pytest

from tests.evaluation.splits import flat_detections, image_record
from yolo.data.index import Index
from yolo.evaluation.metrics.coco_match import CocoMatcher
from yolo.evaluation.metrics.confidence_curves import compute_confidence_curves


def test_example_worked_by_hand() -> None:
    index = Index.from_records(["a", "never"], [image_record([[0, 0, 10, 10], [20, 20, 30, 30]], [0, 0])])
    detections = flat_detections(
        [(0, [0, 0, 10, 10], 0.8, 0), (0, [50, 50, 60, 60], 0.5, 0), (0, [20, 20, 30, 30], 0.25, 0)]
    )
    got = compute_confidence_curves(index, CocoMatcher(index, detections).match_at_iou50())
    assert got.names == ("a",)
    at = {score: int(np.argmin(abs(got.confidence - score))) for score in (0.25, 0.5, 0.8, 0.805)}
    assert [got.precision[0, at[s]] for s in at] == pytest.approx([2 / 3, 1 / 2, 1, 0])
    assert [got.recall[0, at[s]] for s in at] == pytest.approx([1, 1 / 2, 1 / 2, 0])
    assert [got.f1[0, at[s]] for s in at] == pytest.approx([4 / 5, 1 / 2, 2 / 3, 0])
