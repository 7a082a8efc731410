"""The derivatives that Darknet trains boxes with. They are not those of its overlaps, and are kept as they are.

Axes: N boxes, and 2 for x and y, or width and height.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from yolo.boxes.geometry import cxcywh_to_xyxy

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.boxes.geometry import IouKind


def darknet_iou_gradient(pred_cxcywh: Tensor, truth_cxcywh: Tensor, kind: IouKind) -> Tensor:
    """How an overlap grows with each number of the prediction, by Darknet's account.

    It leaves the mathematics in four places: widths and heights count twice; apart boxes overlap by the product of
    their two gaps; the distance term's derivative by x and y has a wrong sign in its second half; and CIoU's aspect
    term lacks a divisor. With GIoU, DIoU and CIoU the overlap's own part is dropped for boxes that are apart.

    Args:
        pred_cxcywh: predictions (N, 4).
        truth_cxcywh: truths (N, 4), same unit.
        kind: which of the family.

    Returns:
        (N, 4): by x, y, width, height.

    Source: AlexeyAB/darknet src/box.c dx_box_iou (59596d78).
    """
    pred, truth = cxcywh_to_xyxy(pred_cxcywh), cxcywh_to_xyxy(truth_cxcywh)
    start, end, truth_start, truth_end = pred[:, :2], pred[:, 2:], truth[:, :2], truth[:, 2:]
    gap = torch.minimum(end, truth_end) - torch.maximum(start, truth_start)
    apart = (gap <= 0).any(1, keepdim=True)
    inter = gap.prod(1, keepdim=True)
    union = pred_cxcywh[:, 2:].prod(1, keepdim=True) + truth_cxcywh[:, 2:].prod(1, keepdim=True) - inter
    across, side = gap.flip(1), pred_cxcywh[:, 2:].flip(1)
    d_inter = torch.cat([-across * (start > truth_start), across * (end < truth_end)], dim=1)
    d_union = torch.cat([-side, side], dim=1) - d_inter
    own = torch.where(union > 0, _by_box(_quotient(inter, d_inter, union, d_union)), 0.0)
    if kind == "iou":
        return own
    hull = torch.maximum(end, truth_end) - torch.minimum(start, truth_start)
    grows = torch.cat([-1.0 * (start < truth_start), 1.0 * (end > truth_end)], dim=1)  # of the hull, with each edge
    if kind == "giou":
        d_area = hull.flip(1).repeat(1, 2) * grows
        further = _by_box(_quotient(union, d_union, hull.prod(1, keepdim=True), d_area))
    else:
        further = _distance_term(pred_cxcywh, truth_cxcywh, hull, grows)
        if kind == "ciou":
            further = further + _aspect_term(pred_cxcywh[:, 2:], truth_cxcywh[:, 2:], inter / union)
    return torch.where(apart, further, own + further)


def _quotient(a: Tensor, d_a: Tensor, b: Tensor, d_b: Tensor) -> Tensor:
    """The derivative of a / b."""
    return (b * d_a - a * d_b) / b.square()


def _by_box(by_edge: Tensor) -> Tensor:
    """Derivatives by left, top, right and bottom to those by x, y, width and height; the latter twice too large."""
    return torch.cat([by_edge[:, 2:] + by_edge[:, :2], by_edge[:, 2:] - by_edge[:, :2]], dim=1)


def _distance_term(pred_cxcywh: Tensor, truth_cxcywh: Tensor, hull: Tensor, grows: Tensor) -> Tensor:
    """Of the squared distance of centres over the squared diagonal of the hull."""
    offset = truth_cxcywh[:, :2] - pred_cxcywh[:, :2]
    distance, diagonal = offset.square().sum(1, keepdim=True), hull.square().sum(1, keepdim=True)
    by_centre = 2 * hull * (grows[:, 2:] + grows[:, :2]) * distance
    by_size = hull * (grows[:, 2:] - grows[:, :2]) * distance
    return torch.cat([2 * offset * diagonal - by_centre, by_size], dim=1) / diagonal.square()


def _aspect_term(pred_wh: Tensor, truth_wh: Tensor, overlap: Tensor) -> Tensor:
    """Of CIoU's alpha * v, alpha held."""
    difference = torch.atan(truth_wh[:, :1] / truth_wh[:, 1:]) - torch.atan(pred_wh[:, :1] / pred_wh[:, 1:])
    v = 4 / math.pi**2 * difference.square()
    alpha = v / (1 - overlap + v + 1e-6)
    by_size = 8 / math.pi**2 * alpha * difference * torch.cat([pred_wh[:, 1:], -pred_wh[:, :1]], dim=1)
    return torch.cat([torch.zeros_like(by_size), by_size], dim=1)
