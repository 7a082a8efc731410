"""Which of one image's candidates survive, by the ways of suppression that there are.

Axes: N boxes, K candidates in the order in which equal scores are taken, S survivors, best first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from yolo.boxes.darknet_nms import distance_overlap
from yolo.boxes.geometry import iou, xyxy_to_cxcywh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_FIRST_BLOCK = 1000  # candidates; sorting millions takes most of the time with young weights
_MAX_ON_CUDA = 32_768  # boxes: torchvision's kernel fills a table of a bit a pair, which is then 128 MiB
_CHUNK = 2048  # boxes on each side of a table of pairs


SuppressionKind = Literal["greedy", "merge", "linear", "gaussian", "diou"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NmsMethod:
    """What overlap is, and what it does.

    `greedy` drops candidates whose IoU with a better one is over the threshold. `merge` does so too, and then moves
    each survivor to the mean, weighted by scores, of all candidates of its class that overlap it by more than the
    threshold. `linear` and `gaussian` weaken instead: scores are multiplied by 1 - IoU where IoU is over the
    threshold, or everywhere by exp(-IoU^2 / sigma) (arXiv:1704.04503). `diou` drops as `greedy`, by IoU less
    (distance of the centres / diagonal of both)^(2 * beta) (arXiv:1911.08287 with beta=1; Darknet's is 0.6).
    """

    kind: SuppressionKind = "greedy"
    beta: float = 1.0  # of diou, above 0; small values spare boxes of distant centres
    sigma: float = 0.5  # of gaussian, above 0; small values weaken more


GREEDY = NmsMethod()


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes with a score and one class each."""

    xyxy: Tensor  # (N, 4) float
    box: Tensor  # (K,) int64: which of the N, all finite
    score: Tensor  # (K,) float32
    group: Tensor  # (K,) int64: only boxes of one group suppress each other

    def boxes(self, position: Tensor) -> Tensor:
        """Boxes (M, 4), float64, of the candidates at these positions (M,)."""
        return self.xyxy[self.box[position]].double()


@dataclass(frozen=True, slots=True)
class Survivors:
    """What is left of candidates, best first."""

    position: Tensor  # (S,) int64, among the candidates
    xyxy: Tensor  # (S, 4) float32
    score: Tensor  # (S,) float32


def survivors(
    candidates: Candidates, method: NmsMethod, iou_threshold: float, score_threshold: float, limit: int
) -> Survivors:
    """The best `limit` survivors.

    Args:
        candidates: of one image, in the order in which equal scores are taken.
        method: of suppression.
        iou_threshold: largest overlap that both boxes survive unchanged; not for gaussian.
        score_threshold: what is weakened to this or below goes.
        limit: most survivors.
    """
    if method.kind in ("greedy", "merge"):
        position = _greedy(candidates, iou_threshold, limit)
        boxes = candidates.boxes(position)
        if method.kind == "merge":
            boxes = _merged(candidates, position, iou_threshold)
        return Survivors(position, boxes.float(), candidates.score[position])
    return _one_by_one(candidates, _overlap(method), _factor(method, iou_threshold), score_threshold, limit)


def _greedy(candidates: Candidates, iou_threshold: float, limit: int) -> Tensor:
    """Positions of the first survivors, block after block of sorted candidates until there are enough.

    What survives among the first candidates does not depend on later ones.
    """
    kept = torch.zeros(0, dtype=torch.int64, device=candidates.score.device)
    for block in _best_first(candidates.score):
        joined = torch.cat([kept, block])  # the kept ones come first, and do not overlap
        kept = joined[_nms(candidates.boxes(joined), candidates.group[joined], iou_threshold)][:limit]
        if len(kept) == limit:
            break
    return kept


def _best_first(score: Tensor) -> Iterator[Tensor]:
    """All positions, best first, equal ones in order; in growing blocks, as later ones are seldom asked for."""
    left = torch.arange(len(score), device=score.device)
    size = _FIRST_BLOCK
    while len(left):
        values, inside = score[left], torch.ones_like(left, dtype=torch.bool)
        if len(left) > size:
            inside = values >= values.topk(size).values[-1]  # topk itself has no order among equals
        yield left[inside][values[inside].argsort(descending=True, stable=True)]
        left = left[~inside]
        size *= 4


def _nms(boxes: Tensor, group: Tensor, iou_threshold: float) -> Tensor:
    """Positions of the survivors among boxes that are sorted, best first."""
    if boxes.is_cuda and len(boxes) > _MAX_ON_CUDA:
        return _nms(boxes.cpu(), group.cpu(), iou_threshold).to(boxes.device)
    # batched_nms moves the groups apart by adding to coordinates: that needs room in the mantissa, and none below 0.
    boxes = boxes - (boxes.min() if len(boxes) else 0)
    rank = torch.arange(len(boxes), 0, -1, dtype=boxes.dtype, device=boxes.device)  # stands for the score
    keep: Tensor = batched_nms(boxes, rank, group, iou_threshold)
    return keep.sort().values


def _merged(candidates: Candidates, position: Tensor, iou_threshold: float) -> Tensor:
    """(S, 4): means of the boxes around each survivor, weighted by scores."""
    means = [position.new_zeros(0, 4, dtype=torch.float64)]
    for part in torch.split(position, _CHUNK):
        sums = torch.zeros(len(part), 5, dtype=torch.float64, device=part.device)
        for chunk in torch.split(torch.arange(len(candidates.score), device=part.device), _CHUNK):
            boxes = candidates.boxes(chunk)
            joins = iou(candidates.boxes(part), boxes) > iou_threshold
            joins &= candidates.group[part][:, None] == candidates.group[chunk]
            joins |= part[:, None] == chunk  # itself, whatever the threshold
            sums += (joins * candidates.score[chunk].double()) @ torch.cat([boxes, boxes.new_ones(len(boxes), 1)], 1)
        means.append(sums[:, :4] / sums[:, 4:])
    return torch.cat(means)


def _one_by_one(
    candidates: Candidates,
    overlap: Callable[[Tensor, Tensor], Tensor],
    factor: Callable[[Tensor], Tensor],
    score_threshold: float,
    limit: int,
) -> Survivors:
    """Take the best, multiply the scores of its group by a factor of the overlap, drop the hopeless, repeat."""
    position = torch.arange(len(candidates.score), device=candidates.score.device)
    boxes, group, score = candidates.boxes(position), candidates.group, candidates.score.double()
    taken, scores = [position[:0]], [score[:0]]
    while len(position) and len(taken) <= limit:
        best = score.argmax()  # the first of equal ones
        taken.append(position[best][None])
        scores.append(score[best][None])
        weakened = score * factor(overlap(boxes[best][None], boxes)[0])
        score = torch.where(group == group[best], weakened, score)
        score[best] = -torch.inf
        left = score > score_threshold
        position, boxes, group, score = position[left], boxes[left], group[left], score[left]
    kept = torch.cat(taken)
    return Survivors(kept, candidates.boxes(kept).float(), torch.cat(scores).float())


def _overlap(method: NmsMethod) -> Callable[[Tensor, Tensor], Tensor]:
    """(1, 4) and (K, 4) -> (1, K)."""
    if method.kind != "diou":
        return iou
    return lambda a, b: distance_overlap(xyxy_to_cxcywh(a), xyxy_to_cxcywh(b), method.beta)


def _factor(method: NmsMethod, iou_threshold: float) -> Callable[[Tensor], Tensor]:
    """What overlaps (K,) multiply scores by."""
    if method.kind == "gaussian":
        return lambda overlap: torch.exp(-overlap.square() / method.sigma)
    if method.kind == "linear":
        return lambda overlap: torch.where(overlap > iou_threshold, 1 - overlap, 1.0)
    return lambda overlap: (overlap <= iou_threshold).double()
