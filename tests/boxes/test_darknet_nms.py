from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yolo.boxes.box_ops import pairwise_diou
from yolo.boxes.darknet_nms import DarknetCandidates, DarknetNmsKind, darknet_nms

# Three boxes in a row that overlap their neighbours, and one far away.
ROW = torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.25, 0.2, 0.2, 0.2], [0.3, 0.2, 0.2, 0.2], [0.8, 0.8, 0.1, 0.1]])


def candidates(scores: list[list[float]], objectness: list[float] | None = None) -> DarknetCandidates:
    return DarknetCandidates(ROW, torch.tensor(objectness or [1.0] * 4), torch.tensor(scores))


@pytest.mark.parametrize(
    ("kind", "scores", "expected"),
    [
        # IoU of neighbours is 0.6, of the outer two 1/3: the middle one goes, and suppresses nothing
        ("default", [[0.9], [0.8], [0.7], [0.6]], [0.9, 0, 0.7, 0.6]),
        ("default", [[0.7], [0.9], [0.8], [0.6]], [0, 0.9, 0, 0.6]),
        # the distance term ((0.05 ** 2) / (0.25 ** 2 + 0.2 ** 2)) ** 0.6 = 0.11 brings 0.6 to 0.49
        ("greedynms", [[0.9], [0.8], [0.7], [0.6]], [0.9, 0.8, 0.7, 0.6]),
        # by objectness, which has the opposite order here
        ("obj", [[0.9], [0.8], [0.7], [0.6]], [0.9, 0, 0.7, 0.6]),
    ],
)
def test_one_class(kind: DarknetNmsKind, scores: list[list[float]], expected: list[float]) -> None:
    kept = darknet_nms(candidates(scores, [0.5, 0.6, 0.7, 0.8]), 0.5, kind)
    torch.testing.assert_close(kept.scores[:, 0], torch.tensor(expected))


def test_classes_do_not_suppress_each_other() -> None:
    scores = [[0.9, 0.0], [0.0, 0.8], [0.7, 0.6], [0.0, 0.0]]
    assert (darknet_nms(candidates(scores), 0.5).scores > 0).tolist() == [
        [True, False],
        [False, True],
        [True, False],
        [False, False],
    ]


@given(seed=st.integers(0, 2**31), threshold=st.floats(0.1, 0.9))
def test_box_is_suppressed_if_and_only_if_a_better_survivor_overlaps_it(seed: int, threshold: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(12, 4, generator=generator) * 0.5 + 0.1
    scores = torch.rand(12, 1, generator=generator)
    kept = darknet_nms(DarknetCandidates(boxes, torch.ones(12), scores), threshold, "diounms", 0.8).scores[:, 0]
    overlap = pairwise_diou(boxes, boxes, 0.8)
    for i in range(12):
        better = [j for j in range(12) if kept[j] > 0 and scores[j, 0] > scores[i, 0]]
        overlapped = any(overlap[j, i] > threshold for j in better)
        assert (kept[i] == 0) == overlapped
