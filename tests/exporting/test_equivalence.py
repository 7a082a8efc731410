from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from yolo.boxes.nms import NmsSettings
from yolo.exporting.equivalence import EIGHT_BITS, HALF, SINGLE, Difference, Tolerance, compare

if TYPE_CHECKING:
    from yolo.exporting.runtimes import Images, Outputs

IMAGE = np.zeros((1, 3, 100, 100), np.float32)
SETTINGS = NmsSettings(score_threshold=0.5, iou_threshold=0.45, max_detections=100)
Rows: TypeAlias = list[list[float]]

BOXES: Rows = [[10, 10, 30, 30], [50, 50, 90, 90], [10, 60, 40, 90]]
SCORES: Rows = [[0.9, 0.0], [0.0, 0.8], [0.0, 0.0002]]  # the last one is not seen


def answers(boxes: Rows = BOXES, scores: Rows = SCORES) -> Outputs:
    return {"boxes": np.array([boxes], np.float32), "scores": np.array([scores], np.float32)}


def suppressed(boxes: Rows, scores: list[float], classes: list[int]) -> Outputs:
    return {
        "detection_boxes": np.array([boxes], np.float32),
        "detection_scores": np.array([scores], np.float32),
        "detection_classes": np.array([classes]),
        "num_detections": np.array([sum(score > 0 for score in scores)]),
    }


def difference(theirs: Outputs, tolerance: Tolerance = SINGLE, ours: Outputs | None = None) -> Difference:
    expected = answers() if ours is None else ours

    def first(_: Images) -> Outputs:
        return expected

    def second(_: Images) -> Outputs:
        return theirs

    return compare(first, second, [IMAGE], SETTINGS, tolerance)


def test_the_same_is_no_difference() -> None:
    assert difference(answers()) == Difference(0.0, 0.0, 2, 2)


MOVED: Rows = [[10, 10, 30, 33], *BOXES[1:]]
CASES: dict[str, tuple[Outputs, float, float, int, int]] = {  # outputs -> score, box, detections of either, of both
    "moved": (answers(boxes=MOVED), 0, 3, 3, 1),
    "unseen one moved": (answers(boxes=[*BOXES[:2], [0, 0, 5, 5]]), 0, 0, 2, 2),
    "moved outside": (answers(boxes=[[10, 10, 30, 30], [50, 50, 90, 90], [10, 60, 40, 2e9]]), 0, 0, 2, 2),
    "weaker": (answers(scores=[[0.6, 0], *SCORES[1:]]), 0.3, 0, 2, 2),
    "lost": (answers(scores=[[0.1, 0], *SCORES[1:]]), 0.8, 0, 2, 1),
    "another class": (answers(scores=[[0, 0.9], *SCORES[1:]]), 0.9, 0, 3, 1),
    "suppressed": (suppressed([*BOXES[:2], [0, 0, 0, 0]], [0.9, 0.8, 0], [0, 1, -1]), 0, 0, 2, 2),
    "suppressed, weaker": (suppressed([*BOXES[:2]], [0.7, 0.8], [0, 1]), 0.2, 0, 2, 2),
    "suppressed, too few": (suppressed([BOXES[0]], [0.9], [0]), 0, 0, 2, 1),
    "suppressed, too many": (suppressed(BOXES, [0.9, 0.8, 0.7], [0, 1, 1]), 0, 0, 3, 2),
}


@pytest.mark.parametrize("case", CASES)
def test_differences_are_counted(case: str) -> None:
    theirs, score, box, expected, alike = CASES[case]
    found = difference(theirs)
    assert (found.score, found.box) == pytest.approx((score, box), abs=1e-6)
    assert (found.expected, found.alike) == (expected, alike)
    assert found.within(SINGLE) == (case in ("unseen one moved", "moved outside", "suppressed"))


def test_a_detection_at_the_threshold_may_be_missing() -> None:
    near = answers(scores=[[0.9, 0], [0, 0.5005], [0, 0]])
    gone = answers(scores=[[0.9, 0], [0, 0.4998], [0, 0]])
    for ours, theirs in ((near, gone), (gone, near)):
        found = difference(theirs, ours=ours)
        assert (found.expected, found.alike) == (1, 1)
        assert found.within(SINGLE)


def test_the_tail_of_a_full_list_may_differ() -> None:
    boxes = [[i * 10.0, 0, i * 10 + 9, 9] for i in range(3)]
    settings = NmsSettings(score_threshold=0.1, iou_threshold=0.45, max_detections=2)
    ours = answers(boxes, [[0.9, 0], [0.5, 0], [0.4999, 0]])
    theirs = answers(boxes, [[0.9, 0], [0.4999, 0], [0.5, 0]])
    found = compare(lambda _: ours, lambda _: theirs, [IMAGE], settings, SINGLE)
    assert (found.expected, found.alike) == (1, 1)


def test_what_is_not_a_number_is_not_tolerable() -> None:
    for broken in (answers(scores=[[math.nan, 0], *SCORES[1:]]), answers(boxes=[[math.nan] * 4, *BOXES[1:]])):
        found = difference(broken)
        assert not found.within(SINGLE)
        assert not found.within(HALF)
        assert not found.within(EIGHT_BITS)


def test_fewer_bits_are_allowed_more() -> None:
    slightly = difference(answers(scores=[[0.88, 0], *SCORES[1:]]), HALF)
    assert (slightly.within(SINGLE), slightly.within(HALF)) == (False, True)
    lost = difference(answers(scores=[[0.1, 0], *SCORES[1:]]), EIGHT_BITS)
    assert (lost.alike, lost.expected) == (1, 2)
    assert (lost.within(HALF), lost.within(EIGHT_BITS)) == (False, True)


def test_without_a_head_values_are_compared() -> None:
    ours, theirs = ({"output": np.array([[4.0, value]])} for value in (1.0, 1.5))
    assert difference(theirs, ours=ours) == Difference(0.125, 0.0, 0, 0)


def test_the_worst_of_all_inputs_counts() -> None:
    found = compare(
        lambda images: answers(),
        lambda images: answers() if len(images) == 1 else answers(scores=[[0.7, 0], *SCORES[1:]]),
        [IMAGE, np.concatenate([IMAGE, IMAGE])],
        SETTINGS,
        SINGLE,
    )
    assert found.score == pytest.approx(0.2)
    assert (found.expected, found.alike) == (4, 4)
