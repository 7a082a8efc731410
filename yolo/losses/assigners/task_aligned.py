"""Task-aligned assignment: the predictions near a ground truth box that already predict it best, with soft targets.

Axes: N ground truth boxes, A anchors of a head, G candidates of a box over all heads, K assigned predictions of a head,
S cells around a box's center.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou, wh_iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.losses.head_predictions import HeadPredictions

CELL_SHIFTS = tuple((row, column) for row in (-1, 0, 1) for column in (-1, 0, 1))
MIN_REACHABLE_IOU = 0.7  # IoU with a box that a cell next to the center's must be able to reach
MAX_ASSIGNED = 10  # predictions assigned to a box
SCORE_POWER, IOU_POWER = 0.5, 4.0
MIN_TARGET = 0.1  # of the best prediction of a box, so that it learns even if it does not overlap the box
MIN_ALIGNMENT = 1e-9  # of an allowed candidate, so that a box without any overlap gets its best anchor
MAX_CANDIDATE_VALUES = 2**24  # raw values of candidates held at once


class TaskAlignedAssignment(NamedTuple):
    """K predictions of a head and the ground truth boxes that they are assigned to; each prediction once."""

    prediction: Tensor  # (K,) int64, number in the head's grid
    gt_index: Tensor  # (K,) int64, row of the ground truth
    alignment: Tensor  # (K,)
    target: Tensor  # (K,), 0..1, the score that the prediction should have


class _Candidates(NamedTuple):
    """Predictions of one or more heads that may be assigned to N ground truth boxes, (N, G) each."""

    prediction: Tensor  # int64, number in its head's grid
    allowed: Tensor  # bool
    iou: Tensor  # of prediction and ground truth, 0 where not allowed
    score: Tensor  # objectness times the probability of the box's class
    is_best_anchor: Tensor  # bool: nearest in shape of all heads' anchors, in the cell that holds the center


@torch.no_grad()
def assign_task_aligned(
    heads: Sequence[HeadPredictions],
    gt: Tensor,
    image_size: tuple[int, int],
    threshold: float,
    max_candidate_values: int = MAX_CANDIDATE_VALUES,
) -> list[TaskAlignedAssignment]:
    """Assign predictions to ground truth boxes; return an assignment for each head, in the order of its predictions.

    Candidates are anchors of nearly the box's shape, in the cell that holds its center and in the cells around it from
    which the head's offsets reach far enough. Assigned are the ten of the highest alignment, score^0.5 * IoU^4. The
    target of the best aligned prediction of a box is the largest IoU among them, at least 0.1; the targets of the
    others fall in proportion to their alignment. A prediction chosen for several boxes is assigned to the one that it
    is aligned with best.

    Args:
        heads: predictions of all heads.
        gt: (N, 6): image, class, cx, cy, w, h as fractions of the network input.
        image_size: (height, width) of the network input, pixels.
        threshold: the IoU of anchor and box, with their centers aligned, that an anchor must exceed.
        max_candidate_values: bounds memory; does not change the result.

    Source: alignment and normalised targets after arXiv:2108.07755 (TOOD); the candidates are ours.
    """
    values_per_box = sum(len(CELL_SHIFTS) * head.grid.num_anchors * head.raw.shape[-1] for head in heads)
    chunks = torch.split(torch.arange(len(gt), device=gt.device), max(1, max_candidate_values // values_per_box))
    per_chunk = [_assign_chunk(heads, gt, chunk, image_size, threshold) for chunk in chunks]
    per_head = zip(*per_chunk, strict=True)
    return [_resolve_conflicts(TaskAlignedAssignment(*map(torch.cat, zip(*head, strict=True)))) for head in per_head]


def _resolve_conflicts(assignment: TaskAlignedAssignment) -> TaskAlignedAssignment:
    """Keep each prediction only for the ground truth box that it is aligned with best."""
    order = assignment.alignment.argsort(stable=True, descending=True)
    order = order[assignment.prediction[order].argsort(stable=True)]
    prediction = assignment.prediction[order]
    is_best = torch.ones_like(prediction, dtype=torch.bool)
    is_best[1:] = prediction[1:] != prediction[:-1]
    return TaskAlignedAssignment(*(values[order[is_best]] for values in assignment))


def _assign_chunk(
    heads: Sequence[HeadPredictions], gt: Tensor, chunk: Tensor, image_size: tuple[int, int], threshold: float
) -> list[TaskAlignedAssignment]:
    """Assign predictions to some rows of the ground truth; a prediction may be assigned more than once."""
    gt_chunk = gt[chunk]
    gt_cxcywh = gt_chunk[:, 2:6] * gt.new_tensor([image_size[1], image_size[0], image_size[1], image_size[0]])
    shape_ious = [wh_iou(gt_cxcywh[:, 2:], head.anchors_wh) for head in heads]
    best = torch.cat(shape_ious, dim=1).amax(1, keepdim=True)
    per_head = [
        _find_candidates(head, gt_chunk, gt_cxcywh, fits=shape > threshold, is_best=shape == best)
        for head, shape in zip(heads, shape_ious, strict=True)
    ]
    candidates = _Candidates(*(torch.cat(fields, dim=1) for fields in zip(*per_head, strict=True)))
    chosen, alignment, target = _choose(candidates)
    widths = [head.allowed.shape[1] for head in per_head]
    assignments = []
    for prediction, mask, *values in zip(
        *(torch.split(x, widths, dim=1) for x in (candidates.prediction, chosen, alignment, target)), strict=True
    ):
        row, candidate = mask.nonzero(as_tuple=True)
        assignments.append(
            TaskAlignedAssignment(prediction[row, candidate], chunk[row], *(x[row, candidate] for x in values))
        )
    return assignments


def _choose(candidates: _Candidates) -> tuple[Tensor, Tensor, Tensor]:
    """Return, (N, G) each, whether a candidate is assigned, its alignment with the box, and its target."""
    alignment = candidates.score**SCORE_POWER * candidates.iou**IOU_POWER
    alignment = alignment + MIN_ALIGNMENT * (1 + candidates.is_best_anchor.to(alignment.dtype))
    alignment = torch.where(candidates.allowed, alignment, 0)
    top = alignment.topk(min(MAX_ASSIGNED, alignment.shape[1]), dim=1)
    chosen = torch.zeros_like(candidates.allowed).scatter_(1, top.indices, top.values > 0)
    best_iou = (candidates.iou * chosen).amax(1, keepdim=True).clamp(min=MIN_TARGET)
    return chosen, alignment, alignment / top.values[:, :1] * best_iou


def _find_candidates(
    head: HeadPredictions, gt: Tensor, gt_cxcywh: Tensor, *, fits: Tensor, is_best: Tensor
) -> _Candidates:
    """Return the candidates of one head.

    Args:
        head: its predictions.
        gt: (N, 6).
        gt_cxcywh: (N, 4): the same boxes, pixels.
        fits: (N, A): whether an anchor has nearly the box's shape.
        is_best: (N, A): whether it is the nearest in shape of all heads' anchors.
    """
    grid = head.grid
    center, wh = gt_cxcywh[:, :2] / head.cell_wh, gt_cxcywh[:, 2:] / head.cell_wh
    shift = torch.tensor(CELL_SHIFTS, device=gt.device)
    row, column = (cell[:, None] + shift[:, i] for i, cell in enumerate(grid.cell_at(center)))  # (N, S)
    in_grid = (row >= 0) & (row < grid.rows) & (column >= 0) & (column < grid.columns)
    offset = center[:, None] - torch.stack([column, row], dim=-1)
    is_center_cell = ~shift.any(1)
    reaches = best_reachable_iou(offset, wh[:, None], head.head.scale_x_y) > MIN_REACHABLE_IOU
    near = in_grid & (reaches | is_center_cell)
    anchor = torch.arange(grid.num_anchors, device=gt.device)
    row, column = row.clamp(0, grid.rows - 1), column.clamp(0, grid.columns - 1)
    index = grid.index(gt[:, :1, None].long(), anchor, row[..., None], column[..., None]).flatten(1)
    is_best_anchor = (is_center_cell[:, None] & is_best[:, None]).flatten(1)
    allowed = (near[..., None] & fits[:, None]).flatten(1) | is_best_anchor
    raw = head.select(index)
    pred_xyxy = cxcywh_to_xyxy(head.boxes_cxcywh(index, raw))
    gt_xyxy = cxcywh_to_xyxy(gt_cxcywh)[:, None].expand_as(pred_xyxy)
    iou = elementwise_iou(pred_xyxy.flatten(0, 1), gt_xyxy.flatten(0, 1), "iou").view(index.shape)
    return _Candidates(index, allowed, iou * allowed, _score(head, raw, gt[:, 1].long()), is_best_anchor)


def _score(head: HeadPredictions, raw: Tensor, class_id: Tensor) -> Tensor:
    """Return the scores (N, G) of raw predictions (N, G, 5 + C) for the classes (N,); one class is certain."""
    score = head.head.logits(raw[..., 4]).sigmoid()
    if head.head.classes == 1:
        return score
    logits = head.head.logits(raw[..., 5:]).gather(-1, class_id[:, None, None].expand(*score.shape, 1))
    return score * logits[..., 0].sigmoid()


def best_reachable_iou(offset: Tensor, wh: Tensor, scale_x_y: float) -> Tensor:
    """Return the largest IoU with a box that a cell can predict, given how far its offsets reach.

    Args:
        offset: (..., 2): from the cell's corner to the box's center, cells.
        wh: (..., 2): size of the box, cells.
        scale_x_y: of the head, whose offsets go from 0.5 * (1 - scale_x_y) to 0.5 * (1 + scale_x_y).

    Returns:
        (...) in 0..1: the IoU with the same box moved as near as the cell allows.
    """
    slack = (scale_x_y - 1) / 2
    distance = torch.maximum(-slack - offset, offset - 1 - slack).clamp(min=0)
    intersection = (wh - distance).clamp(min=0).prod(-1)
    return intersection / (2 * wh.prod(-1) - intersection)
