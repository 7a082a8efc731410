import math

import pytest

from tests.evaluation.metrics.test_coco_metrics import flat, random_split, record
from yolo.data.index import Index
from yolo.evaluation.metrics.coco_match import CocoMatcher
from yolo.evaluation.metrics.coco_metrics import coco_metrics
from yolo.evaluation.metrics.error_kinds import KINDS, ErrorKind, error_kinds

Rows = list[tuple[int, list[float], float, int]]

# Three objects of "a" and one of "b", far apart.
INDEX = Index.from_records(
    ["a", "b"], [record([[0, 0, 20, 20], [50, 50, 70, 70], [100, 100, 120, 120], [150, 150, 170, 170]], [0, 0, 0, 1])]
)
RIGHT: Rows = [(0, [0, 0, 20, 20], 0.9, 0)]


def kinds(rows: Rows, confidence: float = 0.25) -> dict[str, ErrorKind]:
    matches = CocoMatcher(INDEX, flat(rows)).matches()
    return {kind.name: kind for kind in error_kinds(INDEX, matches, confidence)}


@pytest.mark.parametrize(
    ("name", "box", "class_id", "missed"),
    [
        ("place", [50, 50, 70, 58], 0, 2),  # IoU .4 with an "a"
        ("class", [150, 150, 170, 170], 0, 2),  # exactly on "b"
        ("both", [150, 150, 170, 158], 0, 3),  # IoU .4 with "b"
        ("duplicate", [0, 0, 20, 19], 0, 3),
        ("background", [10, 150, 30, 170], 0, 3),
    ],
)
def test_one_mistake_of_each_kind(name: str, box: list[float], class_id: int, missed: int) -> None:
    got = kinds([*RIGHT, (0, box, 0.5, class_id)])
    assert tuple(got) == KINDS
    assert {kind: got[kind].count for kind in KINDS if got[kind].count} == {name: 1, "missed": missed}


def test_what_a_kind_costs() -> None:
    # "a": a hit at .9 and a box that is off at .5: recall 1/3 now (34 of 101 points), 2/3 mended (67). "b": 0.
    got = kinds([*RIGHT, (0, [50, 50, 70, 58], 0.5, 0)])
    assert got["place"].cost == pytest.approx((67 - 34) / 101 / 2)
    # Missed: the third "a" and "b". Of "a" two are asked for then: recall 1/2 (51 points).
    assert got["missed"].cost == pytest.approx((51 - 34) / 101 / 2)
    assert got["class"].cost == got["background"].cost == 0
    # A class that is mended gives "b" its hit.
    assert kinds([*RIGHT, (0, [150, 150, 170, 170], 0.5, 0)])["class"].cost == pytest.approx(1 / 2)
    # Background before the hit halves the precision.
    got = kinds([(0, [10, 150, 30, 170], 0.95, 0), *RIGHT])
    assert got["background"].cost == pytest.approx(34 / 101 / 2 / 2)


def test_only_one_of_several_is_mended_and_the_rest_go() -> None:
    rows: Rows = [*RIGHT, (0, [50, 50, 70, 58], 0.5, 0), (0, [50, 50, 70, 59], 0.6, 0)]
    got = kinds(rows)
    assert got["place"].count == 2
    assert got["place"].cost == pytest.approx((67 - 34) / 101 / 2)


def test_counts_are_at_the_confidence_and_costs_of_all() -> None:
    rows: Rows = [*RIGHT, (0, [50, 50, 70, 58], 0.2, 0)]
    got = kinds(rows)
    assert (got["place"].count, got["missed"].count) == (0, 3)
    assert got["place"].cost == pytest.approx((67 - 34) / 101 / 2)


@pytest.mark.parametrize("seed", range(3))
def test_all_mistakes_are_told_and_costs_start_from_map50(seed: int) -> None:
    index, found = random_split(seed)
    matches = CocoMatcher(index, found).matches()
    got = {kind.name: kind for kind in error_kinds(index, matches, 0.0)}
    assert sum(got[kind].count for kind in KINDS[:-1]) == int((matches.counted & ~matches.hit).sum())
    assert all(-1e-12 <= kind.cost <= 1 - coco_metrics(index, found).map50 for kind in got.values())


def test_a_split_without_truth() -> None:
    index = Index.from_records(["a"], [record([], [])])
    got = error_kinds(index, CocoMatcher(index, flat([(0, [0, 0, 10, 10], 0.9, 0)])).matches(), 0.25)
    assert [(kind.name, kind.count) for kind in got if kind.count] == [("background", 1)]
    assert all(math.isnan(kind.cost) for kind in got)
