"""Every suppression method against a reference in plain Python, one image, O(n^2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from yolo.boxes import nms_methods
from yolo.boxes.nms_methods import Candidates, NmsMethod, Survivors, suppress
from yolo.config.predict_settings import NmsKind

Box = tuple[float, float, float, float]


@dataclass
class Candidate:
    """A candidate of the reference implementation."""

    position: int
    box: Box
    score: float
    group: int


def iou(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def diou(a: Box, b: Box, beta: float) -> float:
    diagonal = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
    distance = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    return iou(a, b) - math.pow(distance / diagonal, beta)


def reference_suppress(
    candidates: list[Candidate], method: NmsMethod, iou_threshold: float, score_threshold: float, max_survivors: int
) -> list[Candidate]:
    left = [Candidate(c.position, c.box, c.score, c.group) for c in candidates]
    taken: list[Candidate] = []
    while left and len(taken) < max_survivors:
        best = max(left, key=lambda c: (c.score, -c.position))
        left.remove(best)
        taken.append(best)
        for other in left:
            if other.group == best.group:
                other.score *= factor(best.box, other.box, method, iou_threshold)
        left = [c for c in left if c.score > score_threshold]
    if method.kind == "merge":
        return [merged(survivor, candidates, iou_threshold) for survivor in taken]
    return taken


def factor(best: Box, other: Box, method: NmsMethod, iou_threshold: float) -> float:
    if method.kind == "gaussian":
        return math.exp(-(iou(best, other) ** 2) / method.sigma)
    overlap = diou(best, other, method.beta) if method.kind == "diou" else iou(best, other)
    return 1.0 if overlap <= iou_threshold else 1 - overlap if method.kind == "linear" else 0.0


def merged(survivor: Candidate, candidates: list[Candidate], iou_threshold: float) -> Candidate:
    near = [
        c
        for c in candidates
        if c.position == survivor.position or (c.group == survivor.group and iou(c.box, survivor.box) > iou_threshold)
    ]
    weight = sum(c.score for c in near)
    box = tuple(sum(c.score * c.box[side] for c in near) / weight for side in range(4))
    return Candidate(survivor.position, (box[0], box[1], box[2], box[3]), survivor.score, survivor.group)


def as_tensors(candidates: list[Candidate]) -> Candidates:
    count = len(candidates)
    return Candidates(
        torch.tensor([c.box for c in candidates]).view(-1, 4),
        torch.arange(count),
        torch.tensor([c.score for c in candidates]),
        torch.tensor([c.group for c in candidates], dtype=torch.int64),
    )


# Few positions and few scores, so that scores and overlaps are often equal.
corner = st.integers(-6, 12).map(float)
side = st.integers(1, 8).map(float)
box = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), corner, corner, side, side)
image = st.lists(st.tuples(box, st.integers(1, 8).map(lambda n: n / 8), st.integers(0, 1)), max_size=14).map(
    lambda rows: [Candidate(number, *row) for number, row in enumerate(rows)]
)
kinds: list[NmsKind] = ["greedy", "merge", "linear", "gaussian", "diou"]
methods = st.builds(
    lambda kind, beta, sigma: NmsMethod(kind=kind, beta=beta, sigma=sigma),
    st.sampled_from(kinds),
    st.sampled_from([0.6, 1.0]),
    st.sampled_from([0.1, 0.5]),
)


# Thresholds that differ from every overlap and every lowered score of these boxes by more than rounding.
@settings(deadline=None, max_examples=150)
@given(
    image,
    methods,
    st.sampled_from([0.0301, 0.2503, 0.5007, 1.0]),
    st.sampled_from([0.0, 0.1203]),
    st.sampled_from([1, 3, 100]),
    st.sampled_from([1, 3]),
)
def test_suppress_equals_the_reference(
    candidates: list[Candidate],
    method: NmsMethod,
    iou_threshold: float,
    score_threshold: float,
    max_survivors: int,
    block: int,
) -> None:
    candidates = [c for c in candidates if c.score > score_threshold]
    candidates = [Candidate(number, c.box, c.score, c.group) for number, c in enumerate(candidates)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nms_methods, "_FIRST_BLOCK", block)
        patch.setattr(nms_methods, "_CHUNK", block)
        got = suppress(as_tensors(candidates), method, iou_threshold, score_threshold, max_survivors)
    expected = reference_suppress(candidates, method, iou_threshold, score_threshold, max_survivors)
    # Lowered scores that differ only in the last digit may swap places.
    assert sorted(got.index.tolist()) == sorted(c.position for c in expected) or len(expected) == max_survivors
    torch.testing.assert_close(got.score, torch.tensor([c.score for c in expected]).float())
    if method.kind in ("greedy", "merge", "diou"):
        assert got.index.tolist() == [c.position for c in expected]
        torch.testing.assert_close(got.xyxy, torch.tensor([c.box for c in expected]).view(-1, 4).float())


def row_of_boxes(score: list[float], step: float) -> Candidates:
    """Return boxes of 10 x 10 pixels in a row, `step` pixels apart."""
    left = torch.arange(len(score)) * step
    boxes = torch.stack([left, torch.zeros_like(left), left + 10, torch.full_like(left, 10.0)], 1)
    return Candidates(boxes, torch.arange(len(score)), torch.tensor(score), torch.zeros(len(score), dtype=torch.int64))


def test_scores_and_boxes_by_hand() -> None:
    # Neighbours 2 pixels apart: IoU 80 / 120 = 2 / 3; the outer two: 60 / 140 = 3 / 7.
    candidates = row_of_boxes([0.9, 0.8, 0.7], 2.0)

    def scores(kind: NmsKind) -> list[float]:
        return [round(s, 6) for s in suppress(candidates, NmsMethod(kind=kind), 0.5, 0.0, 100).score.tolist()]

    assert scores("greedy") == [0.9, 0.7]
    assert scores("linear") == [0.9, 0.7, round(0.8 / 3 / 3, 6)]
    first = 0.8 * math.exp(-(4 / 9) / 0.5)
    second = 0.7 * math.exp(-(9 / 49) / 0.5)
    assert scores("gaussian") == [0.9, round(second, 6), round(first * math.exp(-(4 / 9) / 0.5), 6)]
    # 2 pixels between centres, (12, 10) the enclosing box: 2 / 3 - 4 / 244 is still above the threshold.
    assert scores("diou") == [0.9, 0.7]
    merged = suppress(candidates, NmsMethod(kind="merge"), 0.5, 0.0, 100)
    assert merged.xyxy[:, 0].tolist() == pytest.approx([2 * 0.8 / 1.7, (2 * 0.8 + 4 * 0.7) / 1.5])


def test_small_beta_spares_boxes_with_distant_centres() -> None:
    candidates = row_of_boxes([0.9, 0.8], 2.0)
    kept = [len(suppress(candidates, NmsMethod(kind="diou", beta=b), 0.5, 0.0, 100).score) for b in (1.0, 0.2)]
    assert kept == [1, 2]  # (4 / 244) ** 0.2 = 0.44 is subtracted from the IoU of 0.67


@pytest.mark.parametrize("kind", kinds)
def test_a_hundred_thousand_candidates_need_no_table_of_pairs(kind: NmsKind) -> None:
    # A table of all pairs would be 40 GB. All of one group overlap: only the best of each survives.
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(100_000, 2, generator=generator)
    group = torch.arange(100_000) % 20
    candidates = Candidates(
        torch.cat([corners, corners + 300], 1), torch.arange(100_000), torch.rand(100_000, generator=generator), group
    )
    got: Survivors = suppress(candidates, NmsMethod(kind=kind, sigma=0.01), 0.6, 0.1, 20)
    best = torch.stack([candidates.score[group == number].max() for number in range(20)]).sort(descending=True).values
    torch.testing.assert_close(got.score, best)
    assert sorted(candidates.group[got.index].tolist()) == list(range(20))


@pytest.mark.parametrize("kind", kinds)
def test_no_candidates(kind: NmsKind) -> None:
    got = suppress(row_of_boxes([], 1.0), NmsMethod(kind=kind), 0.5, 0.1, 10)
    assert (got.xyxy.shape, got.score.shape, got.index.shape) == ((0, 4), (0,), (0,))
