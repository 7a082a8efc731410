"""Suppression as Darknet does it, for results that are to equal its own. Axes: N boxes, C classes.

Source: AlexeyAB/darknet src/box.c do_nms_sort, do_nms_obj, diounms_sort (59596d78).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from yolo.boxes.geometry import cxcywh_to_xyxy, iou

DarknetNmsKind = Literal["default", "obj", "greedynms", "diounms"]

GREEDY_BETA = 0.6  # greedynms is diounms with this beta


@dataclass(frozen=True, slots=True)
class DarknetCandidates:
    """The boxes of one image that pass a threshold, in Darknet's order."""

    boxes_cxcywh: Tensor  # (N, 4) float, fractions of the network input
    objectness: Tensor  # (N,) float in 0..1
    scores: Tensor  # (N, C) float in 0..1; 0 where not above the threshold


def suppress(
    candidates: DarknetCandidates, iou_threshold: float, kind: DarknetNmsKind = "default", beta: float = GREEDY_BETA
) -> DarknetCandidates:
    """Set to 0 the scores of boxes that overlap a better one too much.

    Args:
        candidates: of one image.
        iou_threshold: largest overlap that both boxes survive.
        kind: `default` goes class by class, best score first, and measures IoU; `greedynms` and `diounms` do so with
            `distance_overlap`; `obj` goes by objectness once, and takes all scores of a box.
        beta: of diounms.
    """
    scores = candidates.scores.clone()
    if kind == "obj":
        lost = ~_survivors(candidates.boxes_cxcywh, candidates.objectness, iou_threshold, None)
        scores[lost] = 0
        return replace(candidates, scores=scores, objectness=candidates.objectness.masked_fill(lost, 0))
    power = {"default": None, "greedynms": GREEDY_BETA, "diounms": beta}[kind]
    for column in scores.unbind(1):
        present = column.nonzero()[:, 0]
        keep = _survivors(candidates.boxes_cxcywh[present], column[present], iou_threshold, power)
        column[present[~keep]] = 0
    return replace(candidates, scores=scores)


def distance_overlap(a_N4: Tensor, b_M4: Tensor, beta: float) -> Tensor:
    """IoU less the relative distance of centres to the power beta, (N, M); boxes are cxcywh."""
    a, b = cxcywh_to_xyxy(a_N4), cxcywh_to_xyxy(b_M4)
    hull = torch.maximum(a[:, None, 2:], b[None, :, 2:]) - torch.minimum(a[:, None, :2], b[None, :, :2])
    diagonal = hull.square().sum(-1)
    distance = (a_N4[:, None, :2] - b_M4[None, :, :2]).square().sum(-1)
    overlap = iou(a, b)
    return torch.where(diagonal == 0, overlap, overlap - (distance / diagonal) ** beta)


def _survivors(boxes_cxcywh: Tensor, score: Tensor, threshold: float, beta: float | None) -> Tensor:
    """(N,) bool: which boxes no better surviving one overlaps by more than the threshold."""
    order = score.argsort(descending=True, stable=True)
    boxes = boxes_cxcywh[order]
    alive = torch.ones(len(order), dtype=torch.bool, device=score.device)
    for position in range(len(order) - 1):
        if not alive[position]:
            continue
        this, rest = boxes[position : position + 1], boxes[position + 1 :]
        if beta is None:
            overlap = iou(cxcywh_to_xyxy(this), cxcywh_to_xyxy(rest))[0]
        else:
            overlap = distance_overlap(this, rest, beta)[0]
        alive[position + 1 :] &= overlap <= threshold
    keep = torch.empty_like(alive)
    keep[order] = alive
    return keep
