from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from yolo.boxes.nms import NmsSettings
from yolo.exporting.equivalence import (
    FP16_TOLERANCE,
    FP32_TOLERANCE,
    INT8_TOLERANCE,
    Difference,
    Tolerance,
    compare_runners,
)

if TYPE_CHECKING:
    from yolo.exporting.runtimes import Images, Outputs

IMAGE = np.zeros((1, 3, 100, 100), np.float32)
SETTINGS = NmsSettings(score_threshold=0.5, iou_threshold=0.45, max_detections=100)
Rows: TypeAlias = list[list[float]]

BOXES: Rows = [[10, 10, 30, 30], [50, 50, 90, 90], [10, 60, 40, 90]]
SCORES: Rows = [[0.9, 0.0], [0.0, 0.8], [0.0, 0.0002]]  # the last one is below every threshold


def candidates(boxes: Rows = BOXES, scores: Rows = SCORES) -> Outputs:
    return {"boxes": np.array([boxes], np.float32), "scores": np.array([scores], np.float32)}


def detections(boxes: Rows, scores: list[float], classes: list[int]) -> Outputs:
    return {
        "detection_boxes": np.array([boxes], np.float32),
        "detection_scores": np.array([scores], np.float32),
        "detection_classes": np.array([classes]),
        "num_detections": np.array([sum(score > 0 for score in scores)]),
    }


def compare(exported: Outputs, tolerance: Tolerance = FP32_TOLERANCE, reference: Outputs | None = None) -> Difference:
    expected = candidates() if reference is None else reference

    def run_reference(_: Images) -> Outputs:
        return expected

    def run_exported(_: Images) -> Outputs:
        return exported

    return compare_runners(run_reference, run_exported, [IMAGE], SETTINGS, tolerance)


def test_equal_outputs_have_no_difference() -> None:
    assert compare(candidates()) == Difference(0.0, 0.0, 2, 2)


MOVED: Rows = [[10, 10, 30, 33], *BOXES[1:]]
CASES: dict[str, tuple[Outputs, float, float, int, int]] = {  # outputs, score, box, num_expected, num_matched
    "moved": (candidates(boxes=MOVED), 0, 3, 3, 1),
    "below the compared scores, moved": (candidates(boxes=[*BOXES[:2], [0, 0, 5, 5]]), 0, 0, 2, 2),
    "moved outside the input": (candidates(boxes=[[10, 10, 30, 30], [50, 50, 90, 90], [10, 60, 40, 2e9]]), 0, 0, 2, 2),
    "weaker": (candidates(scores=[[0.6, 0], *SCORES[1:]]), 0.3, 0, 2, 2),
    "lost": (candidates(scores=[[0.1, 0], *SCORES[1:]]), 0.8, 0, 2, 1),
    "another class": (candidates(scores=[[0, 0.9], *SCORES[1:]]), 0.9, 0, 3, 1),
    "nms in the file": (detections([*BOXES[:2], [0, 0, 0, 0]], [0.9, 0.8, 0], [0, 1, -1]), 0, 0, 2, 2),
    "nms in the file, weaker": (detections([*BOXES[:2]], [0.7, 0.8], [0, 1]), 0.2, 0, 2, 2),
    "nms in the file, too few": (detections([BOXES[0]], [0.9], [0]), 0, 0, 2, 1),
    "nms in the file, too many": (detections(BOXES, [0.9, 0.8, 0.7], [0, 1, 1]), 0, 0, 3, 2),
}


@pytest.mark.parametrize("case", CASES)
def test_differences_and_matches_of_each_case(case: str) -> None:
    exported, score, box, num_expected, num_matched = CASES[case]
    found = compare(exported)
    assert (found.score, found.box) == pytest.approx((score, box), abs=1e-6)
    assert (found.num_expected, found.num_matched) == (num_expected, num_matched)
    assert found.is_within(FP32_TOLERANCE) == (
        case in ("below the compared scores, moved", "moved outside the input", "nms in the file")
    )


def test_a_detection_at_the_threshold_may_be_missing() -> None:
    above = candidates(scores=[[0.9, 0], [0, 0.5005], [0, 0]])
    below = candidates(scores=[[0.9, 0], [0, 0.4998], [0, 0]])
    for reference, exported in ((above, below), (below, above)):
        found = compare(exported, reference=reference)
        assert (found.num_expected, found.num_matched) == (1, 1)
        assert found.is_within(FP32_TOLERANCE)


def test_the_weakest_detection_of_a_full_list_may_differ() -> None:
    boxes = [[i * 10.0, 0, i * 10 + 9, 9] for i in range(3)]
    settings = NmsSettings(score_threshold=0.1, iou_threshold=0.45, max_detections=2)
    reference = candidates(boxes, [[0.9, 0], [0.5, 0], [0.4999, 0]])
    exported = candidates(boxes, [[0.9, 0], [0.4999, 0], [0.5, 0]])
    found = compare_runners(lambda _: reference, lambda _: exported, [IMAGE], settings, FP32_TOLERANCE)
    assert (found.num_expected, found.num_matched) == (1, 1)


def test_nan_exceeds_every_tolerance() -> None:
    for broken in (candidates(scores=[[math.nan, 0], *SCORES[1:]]), candidates(boxes=[[math.nan] * 4, *BOXES[1:]])):
        found = compare(broken)
        assert not found.is_within(FP32_TOLERANCE)
        assert not found.is_within(FP16_TOLERANCE)
        assert not found.is_within(INT8_TOLERANCE)


def test_lower_precisions_have_wider_tolerances() -> None:
    slightly = compare(candidates(scores=[[0.88, 0], *SCORES[1:]]), FP16_TOLERANCE)
    assert (slightly.is_within(FP32_TOLERANCE), slightly.is_within(FP16_TOLERANCE)) == (False, True)
    lost = compare(candidates(scores=[[0.1, 0], *SCORES[1:]]), INT8_TOLERANCE)
    assert (lost.num_matched, lost.num_expected) == (1, 2)
    assert (lost.is_within(FP16_TOLERANCE), lost.is_within(INT8_TOLERANCE)) == (False, True)


def test_without_a_head_output_values_are_compared() -> None:
    reference, exported = ({"output": np.array([[4.0, value]])} for value in (1.0, 1.5))
    assert compare(exported, reference=reference) == Difference(0.125, 0.0, 0, 0)


def test_the_largest_difference_over_all_inputs_is_returned() -> None:
    found = compare_runners(
        lambda images: candidates(),
        lambda images: candidates() if len(images) == 1 else candidates(scores=[[0.7, 0], *SCORES[1:]]),
        [IMAGE, np.concatenate([IMAGE, IMAGE])],
        SETTINGS,
        FP32_TOLERANCE,
    )
    assert found.score == pytest.approx(0.2)
    assert (found.num_expected, found.num_matched) == (4, 4)
