"""Non-maximum suppression exactly as Darknet does it, to reproduce its results. Axes: N boxes, C classes.

Source: AlexeyAB/darknet src/box.c do_nms_sort, do_nms_obj, diounms_sort (59596d78).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from yolo.boxes.box_ops import cxcywh_to_xyxy, pairwise_diou, pairwise_iou

DarknetNmsKind = Literal["default", "obj", "greedynms", "diounms"]

GREEDY_BETA = 0.6  # greedynms is diounms with this beta


@dataclass(frozen=True, slots=True)
class DarknetCandidates:
    """The boxes of one image that pass a threshold, in Darknet's order."""

    boxes_cxcywh: Tensor  # (N, 4) float, fractions of the network input
    objectness: Tensor  # (N,) float in 0..1
    scores: Tensor  # (N, C) float in 0..1; 0 where not above the threshold


def darknet_nms(
    candidates: DarknetCandidates, iou_threshold: float, kind: DarknetNmsKind = "default", beta: float = GREEDY_BETA
) -> DarknetCandidates:
    """Set the scores of boxes that overlap a better one too much to 0.

    Args:
        candidates: the boxes of one image.
        iou_threshold: largest overlap that both boxes survive.
        kind: `default` goes class by class, best score first, and measures IoU; `greedynms` and `diounms` do so with
            `pairwise_diou`; `obj` goes by objectness once, and suppresses all scores of a box.
        beta: power of the distance term of diounms.
    """
    scores = candidates.scores.clone()
    if kind == "obj":
        suppressed = ~_survives(candidates.boxes_cxcywh, candidates.objectness, iou_threshold, None)
        scores[suppressed] = 0
        return replace(candidates, scores=scores, objectness=candidates.objectness.masked_fill(suppressed, 0))
    power = {"default": None, "greedynms": GREEDY_BETA, "diounms": beta}[kind]
    for class_scores in scores.unbind(1):
        present = class_scores.nonzero()[:, 0]
        keep = _survives(candidates.boxes_cxcywh[present], class_scores[present], iou_threshold, power)
        class_scores[present[~keep]] = 0
    return replace(candidates, scores=scores)


def _survives(boxes_cxcywh: Tensor, score: Tensor, iou_threshold: float, beta: float | None) -> Tensor:
    """Return (N,) bool: True where no better surviving box overlaps by more than the threshold."""
    order = score.argsort(descending=True, stable=True)
    boxes = boxes_cxcywh[order]
    alive = torch.ones(len(order), dtype=torch.bool, device=score.device)
    for position in range(len(order) - 1):
        if not alive[position]:
            continue
        this, rest = boxes[position : position + 1], boxes[position + 1 :]
        if beta is None:
            overlap = pairwise_iou(cxcywh_to_xyxy(this), cxcywh_to_xyxy(rest))[0]
        else:
            overlap = pairwise_diou(this, rest, beta)[0]
        alive[position + 1 :] &= overlap <= iou_threshold
    keep = torch.empty_like(alive)
    keep[order] = alive
    return keep
