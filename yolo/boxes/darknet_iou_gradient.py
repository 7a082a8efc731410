"""Darknet's hand-written derivatives of the IoU family, which it trains boxes with.

They are not the derivatives of its IoU values; they are reproduced as they are.
Axes: N boxes, and 2 for x and y, or width and height.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from yolo.boxes.box_ops import cxcywh_to_xyxy

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.boxes.box_ops import IouKind


def darknet_iou_gradient(pred_cxcywh: Tensor, gt_cxcywh: Tensor, kind: IouKind) -> Tensor:
    """Return Darknet's derivative of an overlap by each number of the prediction.

    It differs from the mathematics in four ways: widths and heights count twice; disjoint boxes overlap by the product
    of their two gaps; the distance term's derivative by x and y has a wrong sign in its second half; and CIoU's aspect
    term lacks a divisor. For GIoU, DIoU and CIoU the IoU's own part is dropped where boxes are disjoint.

    Args:
        pred_cxcywh: predictions (N, 4).
        gt_cxcywh: ground truth (N, 4), same unit.
        kind: member of the IoU family.

    Returns:
        (N, 4): by x, y, width, height.

    Source: AlexeyAB/darknet src/box.c dx_box_iou (59596d78).
    """
    pred, gt = cxcywh_to_xyxy(pred_cxcywh), cxcywh_to_xyxy(gt_cxcywh)
    start, end, gt_start, gt_end = pred[:, :2], pred[:, 2:], gt[:, :2], gt[:, 2:]
    inter_wh = torch.minimum(end, gt_end) - torch.maximum(start, gt_start)
    disjoint = (inter_wh <= 0).any(1, keepdim=True)
    inter = inter_wh.prod(1, keepdim=True)
    union = pred_cxcywh[:, 2:].prod(1, keepdim=True) + gt_cxcywh[:, 2:].prod(1, keepdim=True) - inter
    inter_hw, pred_hw = inter_wh.flip(1), pred_cxcywh[:, 2:].flip(1)
    d_inter = torch.cat([-inter_hw * (start > gt_start), inter_hw * (end < gt_end)], dim=1)
    d_union = torch.cat([-pred_hw, pred_hw], dim=1) - d_inter
    iou_part = torch.where(union > 0, _edges_to_cxcywh(_quotient(inter, d_inter, union, d_union)), 0.0)
    if kind == "iou":
        return iou_part
    enclosing_wh = torch.maximum(end, gt_end) - torch.minimum(start, gt_start)
    d_enclosing = torch.cat([-1.0 * (start < gt_start), 1.0 * (end > gt_end)], dim=1)  # of enclosing_wh, by each edge
    if kind == "giou":
        d_area = enclosing_wh.flip(1).repeat(1, 2) * d_enclosing
        penalty_part = _edges_to_cxcywh(_quotient(union, d_union, enclosing_wh.prod(1, keepdim=True), d_area))
    else:
        penalty_part = _distance_term(pred_cxcywh, gt_cxcywh, enclosing_wh, d_enclosing)
        if kind == "ciou":
            penalty_part = penalty_part + _aspect_term(pred_cxcywh[:, 2:], gt_cxcywh[:, 2:], inter / union)
    return torch.where(disjoint, penalty_part, iou_part + penalty_part)


def _quotient(a: Tensor, d_a: Tensor, b: Tensor, d_b: Tensor) -> Tensor:
    """Return the derivative of a / b."""
    return (b * d_a - a * d_b) / b.square()


def _edges_to_cxcywh(by_edge: Tensor) -> Tensor:
    """Turn derivatives by left, top, right, bottom into those by x, y, width, height; the latter twice too large."""
    return torch.cat([by_edge[:, 2:] + by_edge[:, :2], by_edge[:, 2:] - by_edge[:, :2]], dim=1)


def _distance_term(pred_cxcywh: Tensor, gt_cxcywh: Tensor, enclosing_wh: Tensor, d_enclosing: Tensor) -> Tensor:
    """Return Darknet's derivative of the squared distance of centres over the squared diagonal of the enclosing box."""
    offset = gt_cxcywh[:, :2] - pred_cxcywh[:, :2]
    distance, diagonal = offset.square().sum(1, keepdim=True), enclosing_wh.square().sum(1, keepdim=True)
    by_centre = 2 * enclosing_wh * (d_enclosing[:, 2:] + d_enclosing[:, :2]) * distance
    by_size = enclosing_wh * (d_enclosing[:, 2:] - d_enclosing[:, :2]) * distance
    return torch.cat([2 * offset * diagonal - by_centre, by_size], dim=1) / diagonal.square()


def _aspect_term(pred_wh: Tensor, gt_wh: Tensor, iou: Tensor) -> Tensor:
    """Return Darknet's derivative of CIoU's alpha * v, with alpha taken as constant."""
    difference = torch.atan(gt_wh[:, :1] / gt_wh[:, 1:]) - torch.atan(pred_wh[:, :1] / pred_wh[:, 1:])
    v = 4 / math.pi**2 * difference.square()
    alpha = v / (1 - iou + v + 1e-6)
    by_size = 8 / math.pi**2 * alpha * difference * torch.cat([pred_wh[:, 1:], -pred_wh[:, :1]], dim=1)
    return torch.cat([torch.zeros_like(by_size), by_size], dim=1)
