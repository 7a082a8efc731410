from __future__ import annotations

import pytest

from tests.evaluation.splits import flat_detections, image_record, random_split
from yolo.data.index import Index
from yolo.evaluation.metrics.coco_match import CocoMatcher
from yolo.evaluation.suspects.find_suspects import SuspectBox, find_suspects

Rows = list[tuple[int, list[float], float, int]]

# Two objects of "a" and one of "b", far apart, in the first image; an ignored "a" in the second.
INDEX = Index.from_records(
    ["a", "b"],
    [
        image_record([[0, 0, 20, 20], [50, 50, 70, 70], [150, 150, 170, 170]], [0, 0, 1]),
        image_record([[0, 0, 20, 20]], [0], [True]),
    ],
)
RIGHT: Rows = [(0, [0, 0, 20, 20], 0.9, 0), (0, [50, 50, 70, 70], 0.8, 0), (0, [150, 150, 170, 170], 0.6, 1)]


def suspects(rows: Rows, confidence: float = 0.25) -> list[list[SuspectBox]]:
    matches = CocoMatcher(INDEX, flat_detections(rows)).match_at_iou50()
    return find_suspects(INDEX, matches, confidence)


def only(rows: Rows) -> tuple[str, float, int]:
    """Return kind, suspicion and label of the only suspect box."""
    (box,), others = suspects(rows)
    assert others == []
    return box.kind, round(box.suspicion, 6), box.gt_id


def test_agreement_gives_no_suspects() -> None:
    assert suspects(RIGHT) == [[], []]


def test_missing_label() -> None:
    assert only([*RIGHT, (0, [100, 0, 120, 20], 0.7, 0)]) == ("missing", 0.7, -1)
    # IoU 1/3 with an "a" that has its own detection, and with the "b": an object beside it.
    assert only([*RIGHT, (0, [10, 0, 30, 20], 0.7, 0)]) == ("missing", 0.466667, -1)
    assert only([*RIGHT, (0, [160, 150, 180, 170], 0.7, 0)]) == ("missing", 0.466667, -1)


def test_wrong_class() -> None:
    assert only([*RIGHT[:2], (0, [150, 150, 170, 170], 0.4, 0)]) == ("class", 1.0, 2)
    both: Rows = [*RIGHT[:2], (0, [150, 150, 170, 170], 0.4, 0), (0, [150, 150, 170, 170], 0.1, 1)]
    assert only(both) == ("class", 0.8, 2)  # .4 / (.4 + .1)


def test_wrong_class_beside_an_object_of_the_right_class() -> None:
    index = Index.from_records(["a", "b"], [image_record([[0, 0, 20, 20], [10, 0, 30, 20]], [0, 1])])
    rows: Rows = [(0, [0, 0, 20, 20], 0.9, 0), (0, [10, 0, 30, 20], 0.6, 0)]
    ((box,),) = find_suspects(index, CocoMatcher(index, flat_detections(rows)).match_at_iou50(), 0.25)
    assert (box.kind, box.gt_id) == ("class", 1)


def test_wrong_place() -> None:
    moved: Rows = [*RIGHT[:2], (0, [150, 160, 170, 180], 0.5, 1)]  # IoU 1/3 with the "b"
    assert only(moved) == ("place", 1.0, 2)


def test_spurious_label() -> None:
    # Mean support of "a": .45; of "b", which has no detection: 0, so nothing can be said of it.
    assert only(RIGHT[:1]) == ("spurious", 0.45, 1)


def test_duplicates_ignored_objects_and_unsure_detections_are_not_suspect() -> None:
    duplicate: Rows = [(0, [0, 0, 20, 19], 0.5, 0)]
    on_ignored: Rows = [(1, [0, 0, 20, 20], 0.9, 0)]
    unsure: Rows = [(0, [100, 0, 120, 20], 0.2, 0)]
    assert suspects(RIGHT + duplicate + on_ignored + unsure) == [[], []]


def test_several_detections_of_one_object_are_one_suspect() -> None:
    rows: Rows = [*RIGHT, (0, [100, 0, 120, 20], 0.7, 0), (0, [100, 0, 120, 21], 0.6, 1)]
    assert only(rows) == ("missing", 0.7, -1)
    near_one_label: Rows = [*RIGHT[:2], (0, [150, 160, 170, 180], 0.5, 1), (0, [150, 140, 170, 160], 0.4, 1)]
    assert only(near_one_label)[0] == "place"


@pytest.mark.parametrize("seed", range(3))
def test_suspicions_are_numbers_from_the_confidence_to_1_and_no_label_is_blamed_twice(seed: int) -> None:
    index, detections = random_split(seed)
    found = find_suspects(index, CocoMatcher(index, detections).match_at_iou50(), 0.2)
    assert len(found) == len(index)
    boxes = [box for image in found for box in image]
    assert len(boxes) > 10
    assert all(0.2 <= box.suspicion <= 1 for box in boxes)
    blamed = [box.gt_id for box in boxes if box.gt_id >= 0]
    assert len(blamed) == len(set(blamed))
    assert not index.all_ignore[blamed].any()
