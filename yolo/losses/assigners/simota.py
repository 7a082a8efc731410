"""Which predictions answer for which true boxes: the cheapest ones of those that can reach the box.

Axes: N true boxes, H and W cells, A anchors of a head, G candidates of a box over all heads, K answers of a head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional as F

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou, wh_iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.losses.predictions import HeadPredictions

NEIGHBOURHOOD = tuple((row, column) for row in (-1, 0, 1) for column in (-1, 0, 1))
MIN_REACH = 0.7  # IoU with a box that a cell beside the centre's must be able to give
IOU_COST = 3.0  # weight of -log IoU beside the classes' cross-entropy
MAX_ANSWERS = 10  # for a box
ANSWERS_PER_OVERLAP = 2.0  # with 1, as published, too few predictions learn in the first epochs
TINY_IOU = 1e-7
VALUES_AT_ONCE = 2**24  # raw values of candidates looked at together


class Answers(NamedTuple):
    """K predictions of a head and the true boxes that they must predict; each prediction once."""

    prediction: Tensor  # (K,) int64, by number
    truth: Tensor  # (K,) int64, row of the true boxes
    cost: Tensor  # (K,)


class _Candidates(NamedTuple):
    """HeadPredictions of one head or more that may answer for N true boxes, (N, G) each."""

    prediction: Tensor  # int64, by number in its head
    allowed: Tensor  # bool
    overlap: Tensor  # IoU of prediction and true box, 0 where not allowed
    class_cost: Tensor  # cross-entropy, summed over classes
    nearest: Tensor  # bool: of all anchors the nearest in shape, in the cell that holds the centre


@torch.no_grad()
def match_by_cost(
    heads: Sequence[HeadPredictions],
    truths: Tensor,
    image_size: tuple[int, int],
    threshold: float,
    values_at_once: int = VALUES_AT_ONCE,
) -> list[Answers]:
    """The predictions that answer for true boxes, head by head, in the order of their numbers.

    Candidates are anchors of nearly the box's shape, in the cell that holds its centre and in those around from which
    the head's offsets reach far enough. A box gets twice as many answers as its ten best candidates' IoU add up to, one
    to ten. The anchor of all heads that is nearest in shape is the first, in the cell of the centre, so that what
    answers at the start by chance does not stay; the others are the cheapest: IOU_COST * -log IoU + cross-entropy of
    the classes. What is to answer for several boxes does so for that for which it is cheapest.

    Args:
        heads: predictions of all heads.
        truths: (N, 6): image, class, cx, cy, w, h as fractions of the network input.
        image_size: (height, width) of the network input, pixels.
        threshold: least IoU of anchor and box laid on one centre.
        values_at_once: bounds memory; no answer depends on it.

    Source: number of answers and cost after arXiv:2103.14259 and arXiv:2107.08430; the candidates are ours.
    """
    per_truth = sum(len(NEIGHBOURHOOD) * len(each.anchors_wh) * each.raw.shape[-1] for each in heads)
    parts = torch.split(torch.arange(len(truths), device=truths.device), max(1, values_at_once // per_truth))
    found = [_cheapest(heads, truths, rows, image_size, threshold) for rows in parts]
    return [_once(Answers(*map(torch.cat, zip(*answers, strict=True)))) for answers in zip(*found, strict=True)]


def _once(answers: Answers) -> Answers:
    """Each prediction for the true box for which it costs least."""
    order = answers.cost.argsort(stable=True)
    order = order[answers.prediction[order].argsort(stable=True)]
    prediction = answers.prediction[order]
    first = torch.ones_like(prediction, dtype=torch.bool)
    first[1:] = prediction[1:] != prediction[:-1]
    return Answers(*(values[order[first]] for values in answers))


def _cheapest(
    heads: Sequence[HeadPredictions], truths: Tensor, rows: Tensor, image_size: tuple[int, int], threshold: float
) -> list[Answers]:
    """The answers for some rows of the true boxes, head by head; a prediction may be among them more than once."""
    part = truths[rows]
    boxes = part[:, 2:6] * part.new_tensor([image_size[1], image_size[0], image_size[1], image_size[0]])
    shapes = [wh_iou(boxes[:, 2:], each.anchors_wh) for each in heads]
    best = torch.cat(shapes, dim=1).amax(1, keepdim=True)
    tables = [
        _candidates(each, part, boxes, fits=shape > threshold, nearest=shape == best)
        for each, shape in zip(heads, shapes, strict=True)
    ]
    every = _Candidates(*(torch.cat(columns, dim=1) for columns in zip(*tables, strict=True)))
    cost = IOU_COST * -(every.overlap + TINY_IOU).log() + every.class_cost
    cost = torch.where(every.allowed, cost, torch.inf)
    most = min(MAX_ANSWERS, cost.shape[1])
    wanted = (ANSWERS_PER_OVERLAP * every.overlap.topk(most, dim=1).values.sum(1)).round().clamp(min=1)
    order = torch.where(every.nearest, -torch.inf, cost).sort(dim=1, stable=True)
    rank = torch.arange(most, device=cost.device)
    chosen = torch.zeros_like(every.allowed)
    chosen.scatter_(1, order.indices[:, :most], (rank < wanted[:, None]) & (order.values[:, :most] < torch.inf))
    widths = [table.allowed.shape[1] for table in tables]
    answers = []
    for number, mask, price in zip(
        *(torch.split(x, widths, dim=1) for x in (every.prediction, chosen, cost)), strict=True
    ):
        truth, candidate = mask.nonzero(as_tuple=True)
        answers.append(Answers(number[truth, candidate], rows[truth], price[truth, candidate]))
    return answers


def _candidates(head: HeadPredictions, truths: Tensor, boxes: Tensor, *, fits: Tensor, nearest: Tensor) -> _Candidates:
    """The candidates of one head.

    Args:
        head: its predictions.
        truths: (N, 6).
        boxes: (N, 4): the same, cxcywh, pixels.
        fits: (N, A): anchors of nearly the same shape.
        nearest: (N, A): of all heads' the nearest in shape.
    """
    rows, columns = head.grid
    centre, wh = boxes[:, :2] / head.cell_wh, boxes[:, 2:] / head.cell_wh
    shift = torch.tensor(NEIGHBOURHOOD, device=boxes.device)
    row = centre[:, 1:].long().clamp(0, rows - 1) + shift[:, 0]
    column = centre[:, :1].long().clamp(0, columns - 1) + shift[:, 1]
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    offset = centre[:, None] - torch.stack([column, row], dim=-1)
    own = ~shift.any(1)
    near = inside & ((reach(offset, wh[:, None], head.head.scale_x_y) > MIN_REACH) | own)
    anchor = torch.arange(len(head.anchors_wh), device=boxes.device)
    row, column = row.clamp(0, rows - 1), column.clamp(0, columns - 1)
    number = head.number(truths[:, :1, None].long(), row[..., None], column[..., None], anchor).flatten(1)
    first = (own[:, None] & nearest[:, None]).flatten(1)
    allowed = (near[..., None] & fits[:, None]).flatten(1) | first
    picked = head.pick(number)
    predicted = cxcywh_to_xyxy(head.boxes_cxcywh(number, picked))
    truth = cxcywh_to_xyxy(boxes)[:, None].expand_as(predicted)
    overlap = elementwise_iou(predicted.flatten(0, 1), truth.flatten(0, 1), "iou").view(number.shape)
    logits = head.head.logits(picked[..., 5:])
    class_id = truths[:, 1].long()[:, None, None].expand(*number.shape, 1)
    class_cost = F.softplus(logits).sum(-1) - logits.gather(-1, class_id)[..., 0]
    return _Candidates(number, allowed, overlap * allowed, class_cost, first)


def reach(offset: Tensor, wh: Tensor, scale_x_y: float) -> Tensor:
    """Best IoU with a box that a cell can give whose offsets are limited.

    Args:
        offset: (..., 2): of the box's centre from the cell's corner, cells.
        wh: (..., 2): size of the box, cells.
        scale_x_y: of the head, whose offsets go from 0.5 * (1 - scale_x_y) to 0.5 * (1 + scale_x_y).

    Returns:
        (...) in 0..1: the IoU with the same box moved as near as the cell allows.
    """
    slack = (scale_x_y - 1) / 2
    beyond = torch.maximum(-slack - offset, offset - 1 - slack).clamp(min=0)
    shared = (wh - beyond).clamp(min=0).prod(-1)
    return shared / (2 * wh.prod(-1) - shared)
