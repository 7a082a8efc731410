from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yolo.boxes.box_ops import pairwise_diou
from yolo.boxes.darknet_nms import DarknetCandidates, DarknetNmsKind, darknet_nms

# Three boxes in a row, each half over the one before, and one far away.
ROW = torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.25, 0.2, 0.2, 0.2], [0.3, 0.2, 0.2, 0.2], [0.8, 0.8, 0.1, 0.1]])


def candidates(scores: list[list[float]], objectness: list[float] | None = None) -> DarknetCandidates:
    return DarknetCandidates(ROW, torch.tensor(objectness or [1.0] * 4), torch.tensor(scores))


@pytest.mark.parametrize(
    ("kind", "scores", "expected"),
    [
        # IoU of neighbours is 0.6, of the outer two 1/3: the middle one goes, and takes nobody with it
        ("default", [[0.9], [0.8], [0.7], [0.6]], [0.9, 0, 0.7, 0.6]),
        ("default", [[0.7], [0.9], [0.8], [0.6]], [0, 0.9, 0, 0.6]),
        # the distance term ((0.05 ** 2) / (0.25 ** 2 + 0.2 ** 2)) ** 0.6 = 0.11 brings 0.6 to 0.49
        ("greedynms", [[0.9], [0.8], [0.7], [0.6]], [0.9, 0.8, 0.7, 0.6]),
        # by objectness, which is the other way round here
        ("obj", [[0.9], [0.8], [0.7], [0.6]], [0.9, 0, 0.7, 0.6]),
    ],
)
def test_one_class(kind: DarknetNmsKind, scores: list[list[float]], expected: list[float]) -> None:
    left = darknet_nms(candidates(scores, [0.5, 0.6, 0.7, 0.8]), 0.5, kind)
    torch.testing.assert_close(left.scores[:, 0], torch.tensor(expected))


def test_classes_do_not_meet() -> None:
    scores = [[0.9, 0.0], [0.0, 0.8], [0.7, 0.6], [0.0, 0.0]]
    assert (darknet_nms(candidates(scores), 0.5).scores > 0).tolist() == [
        [True, False],
        [False, True],
        [True, False],
        [False, False],
    ]


def test_beta_rules_how_much_distance_counts() -> None:
    near, far = (pairwise_diou(ROW[:1], ROW[1:2], beta).item() for beta in (0.6, 0.9))
    assert near == pytest.approx(0.6 - (0.0025 / 0.1025) ** 0.6)
    assert far == pytest.approx(0.6 - (0.0025 / 0.1025) ** 0.9)


@given(seed=st.integers(0, 2**31), threshold=st.floats(0.1, 0.9))
def test_survivors_do_not_overlap_and_the_lost_have_a_reason(seed: int, threshold: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(12, 4, generator=generator) * 0.5 + 0.1
    scores = torch.rand(12, 1, generator=generator)
    left = darknet_nms(DarknetCandidates(boxes, torch.ones(12), scores), threshold, "diounms", 0.8).scores[:, 0]
    overlap = pairwise_diou(boxes, boxes, 0.8)
    for i in range(12):
        better = [j for j in range(12) if left[j] > 0 and scores[j, 0] > scores[i, 0]]
        covered = any(overlap[j, i] > threshold for j in better)
        assert (left[i] == 0) == covered
