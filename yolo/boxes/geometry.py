"""Box formats and the IoU family. Knows nothing of anchors, losses or networks.

Formats: `xyxy` is left, top, right, bottom; `cxcywh` is centre, width, height.
Axes: N and M boxes. Any unit, the same for both arguments; results have no unit.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torchvision.ops import box_convert, box_iou

IouKind = Literal["iou", "giou", "diou", "ciou"]

# Smallest divisor: below the area of a box of 0.02 pixel in a 640 pixel image, in fractions of the image.
_TINY = 1e-9


def cxcywh_to_xyxy(boxes_cxcywh: Tensor) -> Tensor:
    """Corners of boxes (..., 4) that are given by centre and size."""
    boxes_xyxy: Tensor = box_convert(boxes_cxcywh, "cxcywh", "xyxy")
    return boxes_xyxy


def xyxy_to_cxcywh(boxes_xyxy: Tensor) -> Tensor:
    """Centre and size of boxes (..., 4) that are given by corners."""
    boxes_cxcywh: Tensor = box_convert(boxes_xyxy, "xyxy", "cxcywh")
    return boxes_cxcywh


def iou(a_N4: Tensor, b_M4: Tensor) -> Tensor:
    """Pairwise intersection over union.

    Args:
        a_N4: boxes (N, 4), xyxy.
        b_M4: boxes (M, 4), xyxy.

    Returns:
        (N, M) in 0..1, float32 or wider; 0 where both boxes are empty.
    """
    return torch.nan_to_num(box_iou(_at_least_float32(a_N4), _at_least_float32(b_M4)), nan=0.0)


def shape_iou(a_wh_N2: Tensor, b_wh_M2: Tensor) -> Tensor:
    """Pairwise IoU of boxes that share a centre: how well sizes agree, for matching anchors.

    Args:
        a_wh_N2: widths and heights (N, 2).
        b_wh_M2: widths and heights (M, 2).

    Returns:
        (N, M) in 0..1, float32 or wider; 0 where both sizes are zero.

    Source: darknet src/yolo_layer.c (59596d78), where both boxes are moved to the origin.
    """
    a, b = _at_least_float32(a_wh_N2)[:, None], _at_least_float32(b_wh_M2)[None]
    inter = torch.minimum(a, b).prod(-1)
    return torch.nan_to_num(inter / (a.prod(-1) + b.prod(-1) - inter), nan=0.0)


def paired_iou(pred_xyxy_N4: Tensor, truth_xyxy_N4: Tensor, kind: IouKind) -> Tensor:
    """IoU, GIoU, DIoU or CIoU of each prediction with its own truth, differentiable.

    Values and gradients are finite for empty boxes and for coordinates up to 1e9. A box with right < left or
    bottom < top counts as empty. The weight of CIoU's aspect term is taken as constant in the gradient.

    Args:
        pred_xyxy_N4: predictions (N, 4), xyxy.
        truth_xyxy_N4: truths (N, 4), xyxy.
        kind: which of the family.

    Returns:
        (N,), float32 or wider. IoU is in 0..1, GIoU and DIoU in -1..1, CIoU in -2..1; the best is 1.

    Source: GIoU arXiv:1902.09630, DIoU and CIoU arXiv:1911.08287. Differs from darknet src/box.c (59596d78) where
    that leaves the papers: its DIoU takes the distance term to the power 0.6.
    """
    pred, truth = _at_least_float32(pred_xyxy_N4), _at_least_float32(truth_xyxy_N4)
    pred_start, pred_end = pred[:, :2], torch.maximum(pred[:, :2], pred[:, 2:])
    truth_start, truth_end = truth[:, :2], torch.maximum(truth[:, :2], truth[:, 2:])
    pred_wh, truth_wh = pred_end - pred_start, truth_end - truth_start
    inter_wh = torch.minimum(pred_end, truth_end) - torch.maximum(pred_start, truth_start)
    inter = inter_wh.clamp(min=0).prod(-1)
    union = pred_wh.prod(-1) + truth_wh.prod(-1) - inter
    overlap = inter / union.clamp(min=_TINY)
    if kind == "iou":
        return overlap
    hull_wh = torch.maximum(pred_end, truth_end) - torch.minimum(pred_start, truth_start)
    if kind == "giou":
        hull = hull_wh.prod(-1)
        return overlap - (hull - union) / hull.clamp(min=_TINY)
    offset = (pred_start + pred_end - truth_start - truth_end) / 2
    diou = overlap - offset.square().sum(-1) / hull_wh.square().sum(-1).clamp(min=_TINY)
    return diou if kind == "diou" else diou - _aspect_penalty(pred_wh, truth_wh, overlap)


def _aspect_penalty(pred_wh: Tensor, truth_wh: Tensor, overlap: Tensor) -> Tensor:
    """CIoU's alpha * v, (N,) in 0..1."""
    difference = _diagonal_angle(truth_wh) - _diagonal_angle(pred_wh)
    v = (2 / math.pi * difference).square()
    alpha = v / (1 - overlap + v).clamp(min=_TINY)
    return alpha.detach() * v


def _diagonal_angle(wh: Tensor) -> Tensor:
    sides = wh.clamp(min=_TINY)
    return torch.atan2(sides[:, 0], sides[:, 1])


def _at_least_float32(boxes: Tensor) -> Tensor:
    return boxes.to(torch.promote_types(boxes.dtype, torch.float32))
