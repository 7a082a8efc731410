import math

import pytest

from tests.evaluation.splits import flat_detections, image_record, random_split
from yolo.data.index import Index
from yolo.evaluation.metrics.coco_match import CocoMatcher
from yolo.evaluation.metrics.coco_metrics import compute_coco_metrics
from yolo.evaluation.metrics.error_kinds import KINDS, ErrorKind, compute_error_kinds

Rows = list[tuple[int, list[float], float, int]]

# Three objects of "a" and one of "b", far apart.
INDEX = Index.from_records(
    ["a", "b"],
    [image_record([[0, 0, 20, 20], [50, 50, 70, 70], [100, 100, 120, 120], [150, 150, 170, 170]], [0, 0, 0, 1])],
)
RIGHT: Rows = [(0, [0, 0, 20, 20], 0.9, 0)]


def error_kinds_by_name(rows: Rows, confidence: float = 0.25) -> dict[str, ErrorKind]:
    matches = CocoMatcher(INDEX, flat_detections(rows)).match_at_iou50()
    return {kind.name: kind for kind in compute_error_kinds(INDEX, matches, confidence)}


@pytest.mark.parametrize(
    ("name", "box", "class_id", "missed"),
    [
        ("localization", [50, 50, 70, 58], 0, 2),  # IoU .4 with an "a"
        ("classification", [150, 150, 170, 170], 0, 2),  # exactly on "b"
        ("both", [150, 150, 170, 158], 0, 3),  # IoU .4 with "b"
        ("duplicate", [0, 0, 20, 19], 0, 3),
        ("background", [10, 150, 30, 170], 0, 3),
    ],
)
def test_one_error_of_each_kind(name: str, box: list[float], class_id: int, missed: int) -> None:
    got = error_kinds_by_name([*RIGHT, (0, box, 0.5, class_id)])
    assert tuple(got) == KINDS
    assert {kind: got[kind].count for kind in KINDS if got[kind].count} == {name: 1, "missed": missed}


def test_cost_is_the_map50_gained_by_fixing_one_kind() -> None:
    # "a": a TP at .9 and a localization error at .5: recall 1/3 now (34 of 101 points), 2/3 when fixed (67). "b": 0.
    got = error_kinds_by_name([*RIGHT, (0, [50, 50, 70, 58], 0.5, 0)])
    assert got["localization"].map50_lost == pytest.approx((67 - 34) / 101 / 2)
    # Missed: the third "a" and "b". Without them "a" has two objects: recall 1/2 (51 points).
    assert got["missed"].map50_lost == pytest.approx((51 - 34) / 101 / 2)
    assert got["classification"].map50_lost == got["background"].map50_lost == 0
    # A fixed classification error is a true positive of "b".
    assert error_kinds_by_name([*RIGHT, (0, [150, 150, 170, 170], 0.5, 0)])[
        "classification"
    ].map50_lost == pytest.approx(1 / 2)
    # A background error above the true positive halves the precision.
    got = error_kinds_by_name([(0, [10, 150, 30, 170], 0.95, 0), *RIGHT])
    assert got["background"].map50_lost == pytest.approx(34 / 101 / 2 / 2)


def test_only_the_best_error_near_an_object_is_fixed() -> None:
    rows: Rows = [*RIGHT, (0, [50, 50, 70, 58], 0.5, 0), (0, [50, 50, 70, 59], 0.6, 0)]
    got = error_kinds_by_name(rows)
    assert got["localization"].count == 2
    assert got["localization"].map50_lost == pytest.approx((67 - 34) / 101 / 2)


def test_counts_use_the_confidence_threshold_and_costs_all_detections() -> None:
    rows: Rows = [*RIGHT, (0, [50, 50, 70, 58], 0.2, 0)]
    got = error_kinds_by_name(rows)
    assert (got["localization"].count, got["missed"].count) == (0, 3)
    assert got["localization"].map50_lost == pytest.approx((67 - 34) / 101 / 2)


@pytest.mark.parametrize("seed", range(3))
def test_every_false_positive_has_one_kind_and_no_cost_exceeds_the_lost_map50(seed: int) -> None:
    index, detections = random_split(seed)
    matches = CocoMatcher(index, detections).match_at_iou50()
    got = {kind.name: kind for kind in compute_error_kinds(index, matches, 0.0)}
    assert sum(got[kind].count for kind in KINDS[:-1]) == int((matches.is_counted & ~matches.is_tp).sum())
    assert all(-1e-12 <= kind.map50_lost <= 1 - compute_coco_metrics(index, detections).map50 for kind in got.values())


def test_split_without_ground_truth() -> None:
    index = Index.from_records(["a"], [image_record([], [])])
    got = compute_error_kinds(
        index, CocoMatcher(index, flat_detections([(0, [0, 0, 10, 10], 0.9, 0)])).match_at_iou50(), 0.25
    )
    assert [(kind.name, kind.count) for kind in got if kind.count] == [("background", 1)]
    assert all(math.isnan(kind.map50_lost) for kind in got)
