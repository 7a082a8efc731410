"""Suppression methods (greedy, merge, soft, DIoU) for the candidates of one image.

Axes: N boxes, K candidates in the order in which equal scores are taken, S survivors, best first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from yolo.boxes.box_ops import pairwise_diou, pairwise_iou, xyxy_to_cxcywh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from yolo.config.predict_settings import NmsKind

_FIRST_BLOCK = 1000  # candidates; sorting millions takes most of the time with young weights
_MAX_ON_CUDA = 32_768  # boxes: torchvision's kernel fills a table of one bit per pair, which is then 128 MiB
_CHUNK = 2048  # boxes on each side of a table of pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class NmsMethod:
    """Suppression method: how overlap is measured, and whether it removes a candidate or lowers its score.

    `greedy` drops candidates whose IoU with a better one is above the threshold. `merge` does the same, then moves each
    survivor to the mean, weighted by scores, of all candidates of its class that overlap it by more than the threshold.
    `linear` and `gaussian` (soft NMS, arXiv:1704.04503) lower scores instead: times 1 - IoU where IoU is above the
    threshold, or everywhere times exp(-IoU^2 / sigma). `diou` drops like `greedy`, measuring IoU minus (distance of
    the centres / diagonal of the enclosing box)^(2 * beta) (arXiv:1911.08287 with beta=1; Darknet uses 0.6).
    """

    kind: NmsKind = "greedy"
    beta: float = 1.0  # for diou, above 0; small values spare boxes with distant centres
    sigma: float = 0.5  # for gaussian, above 0; small values lower scores more


GREEDY = NmsMethod()


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes, each with a score and one class."""

    boxes_xyxy: Tensor  # (N, 4) float
    box_index: Tensor  # (K,) int64: index into the N boxes; these boxes are finite
    score: Tensor  # (K,) float32
    group: Tensor  # (K,) int64: only boxes of one group suppress each other

    def xyxy(self, index: Tensor) -> Tensor:
        """Return the boxes (M, 4), float64, of the candidates at these indices (M,)."""
        return self.boxes_xyxy[self.box_index[index]].double()


@dataclass(frozen=True, slots=True)
class Survivors:
    """Candidates that remain after suppression, best first."""

    index: Tensor  # (S,) int64, into the candidates
    xyxy: Tensor  # (S, 4) float32
    score: Tensor  # (S,) float32


def suppress(
    candidates: Candidates, method: NmsMethod, iou_threshold: float, score_threshold: float, max_survivors: int
) -> Survivors:
    """Return the best survivors of one image.

    Args:
        candidates: in the order in which equal scores are taken.
        method: how overlap is measured, and whether it removes a candidate or lowers its score.
        iou_threshold: largest overlap that leaves both boxes unchanged; not used by gaussian.
        score_threshold: candidates that are lowered to this score or below are dropped.
        max_survivors: maximum number of survivors.
    """
    if method.kind in ("greedy", "merge"):
        index = _greedy(candidates, iou_threshold, max_survivors)
        xyxy = candidates.xyxy(index)
        if method.kind == "merge":
            xyxy = _merged(candidates, index, iou_threshold)
        return Survivors(index, xyxy.float(), candidates.score[index])
    return _one_by_one(
        candidates, _overlap_function(method), _score_factor(method, iou_threshold), score_threshold, max_survivors
    )


def _greedy(candidates: Candidates, iou_threshold: float, max_survivors: int) -> Tensor:
    """Return indices of the first survivors, block by block of sorted candidates until there are enough.

    Later candidates do not change which of the earlier ones survive.
    """
    kept = torch.zeros(0, dtype=torch.int64, device=candidates.score.device)
    for block in _best_first(candidates.score):
        joined = torch.cat([kept, block])  # the kept ones come first, and do not overlap
        kept = joined[_nms(candidates.xyxy(joined), candidates.group[joined], iou_threshold)][:max_survivors]
        if len(kept) == max_survivors:
            break
    return kept


def _best_first(score: Tensor) -> Iterator[Tensor]:
    """Yield all indices, best first, equal scores in order; in growing blocks, as later ones are seldom needed."""
    rest = torch.arange(len(score), device=score.device)
    size = _FIRST_BLOCK
    while len(rest):
        values, in_block = score[rest], torch.ones_like(rest, dtype=torch.bool)
        if len(rest) > size:
            in_block = values >= values.topk(size).values[-1]  # topk itself has no order among equals
        yield rest[in_block][values[in_block].argsort(descending=True, stable=True)]
        rest = rest[~in_block]
        size *= 4


def _nms(xyxy: Tensor, group: Tensor, iou_threshold: float) -> Tensor:
    """Return the indices of the survivors among boxes that are sorted, best first."""
    if xyxy.is_cuda and len(xyxy) > _MAX_ON_CUDA:
        return _nms(xyxy.cpu(), group.cpu(), iou_threshold).to(xyxy.device)
    # batched_nms separates the groups by adding to coordinates: that needs bits of the mantissa, and no negative ones.
    xyxy = xyxy - (xyxy.min() if len(xyxy) else 0)
    rank = torch.arange(len(xyxy), 0, -1, dtype=xyxy.dtype, device=xyxy.device)  # stands for the score
    keep: Tensor = batched_nms(xyxy, rank, group, iou_threshold)
    return keep.sort().values


def _merged(candidates: Candidates, index: Tensor, iou_threshold: float) -> Tensor:
    """Return (S, 4): the mean of the boxes around each survivor, weighted by scores."""
    means = [index.new_zeros(0, 4, dtype=torch.float64)]
    for part in torch.split(index, _CHUNK):
        sums = torch.zeros(len(part), 5, dtype=torch.float64, device=part.device)
        for chunk in torch.split(torch.arange(len(candidates.score), device=part.device), _CHUNK):
            xyxy = candidates.xyxy(chunk)
            joins = pairwise_iou(candidates.xyxy(part), xyxy) > iou_threshold
            joins &= candidates.group[part][:, None] == candidates.group[chunk]
            joins |= part[:, None] == chunk  # the survivor itself, whatever the threshold
            sums += (joins * candidates.score[chunk].double()) @ torch.cat([xyxy, xyxy.new_ones(len(xyxy), 1)], 1)
        means.append(sums[:, :4] / sums[:, 4:])
    return torch.cat(means)


def _one_by_one(
    candidates: Candidates,
    overlap: Callable[[Tensor, Tensor], Tensor],
    factor: Callable[[Tensor], Tensor],
    score_threshold: float,
    max_survivors: int,
) -> Survivors:
    """Take the best, multiply the scores of its group by a factor of the overlap, drop low scores, repeat."""
    index = torch.arange(len(candidates.score), device=candidates.score.device)
    xyxy, group, score = candidates.xyxy(index), candidates.group, candidates.score.double()
    taken, scores = [index[:0]], [score[:0]]
    while len(index) and len(taken) <= max_survivors:
        best = score.argmax()  # the first of equal ones
        taken.append(index[best][None])
        scores.append(score[best][None])
        lowered = score * factor(overlap(xyxy[best][None], xyxy)[0])
        score = torch.where(group == group[best], lowered, score)
        score[best] = -torch.inf
        remains = score > score_threshold
        index, xyxy, group, score = index[remains], xyxy[remains], group[remains], score[remains]
    kept = torch.cat(taken)
    return Survivors(kept, candidates.xyxy(kept).float(), torch.cat(scores).float())


def _overlap_function(method: NmsMethod) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the function from boxes (1, 4) and (K, 4), xyxy, to overlaps (1, K)."""
    if method.kind != "diou":
        return pairwise_iou
    return lambda a, b: pairwise_diou(xyxy_to_cxcywh(a), xyxy_to_cxcywh(b), method.beta)


def _score_factor(method: NmsMethod, iou_threshold: float) -> Callable[[Tensor], Tensor]:
    """Return the function from overlaps (K,) to the factors that scores are multiplied by."""
    if method.kind == "gaussian":
        return lambda overlap: torch.exp(-overlap.square() / method.sigma)
    if method.kind == "linear":
        return lambda overlap: torch.where(overlap > iou_threshold, 1 - overlap, 1.0)
    return lambda overlap: (overlap <= iou_threshold).double()
