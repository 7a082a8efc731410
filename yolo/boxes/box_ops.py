"""Box format conversions and the IoU family.

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
    """Convert boxes (..., 4) from centre and size to corners."""
    boxes_xyxy: Tensor = box_convert(boxes_cxcywh, "cxcywh", "xyxy")
    return boxes_xyxy


def xyxy_to_cxcywh(boxes_xyxy: Tensor) -> Tensor:
    """Convert boxes (..., 4) from corners to centre and size."""
    boxes_cxcywh: Tensor = box_convert(boxes_xyxy, "xyxy", "cxcywh")
    return boxes_cxcywh


def pairwise_iou(a_xyxy_N4: Tensor, b_xyxy_M4: Tensor) -> Tensor:
    """Intersection over union of every box with every other box.

    Args:
        a_xyxy_N4: boxes (N, 4), xyxy.
        b_xyxy_M4: boxes (M, 4), xyxy.

    Returns:
        (N, M) in 0..1, float32 or wider; 0 where both boxes are empty.
    """
    return torch.nan_to_num(box_iou(_at_least_float32(a_xyxy_N4), _at_least_float32(b_xyxy_M4)), nan=0.0)


def pairwise_diou(a_cxcywh_N4: Tensor, b_cxcywh_M4: Tensor, beta: float) -> Tensor:
    """Distance-IoU of every box with every other box, with the distance term to a power.

    Args:
        a_cxcywh_N4: boxes (N, 4), cxcywh.
        b_cxcywh_M4: boxes (M, 4), cxcywh.
        beta: power of the distance term, (distance of the centres / diagonal of the enclosing box)^2.

    Returns:
        (N, M), at most 1.

    Source: arXiv:1911.08287 with beta=1; AlexeyAB/darknet src/box.c diounms_sort (59596d78) with beta=0.6.
    """
    a, b = cxcywh_to_xyxy(a_cxcywh_N4), cxcywh_to_xyxy(b_cxcywh_M4)
    enclosing_wh = torch.maximum(a[:, None, 2:], b[None, :, 2:]) - torch.minimum(a[:, None, :2], b[None, :, :2])
    diagonal = enclosing_wh.square().sum(-1)
    distance = (a_cxcywh_N4[:, None, :2] - b_cxcywh_M4[None, :, :2]).square().sum(-1)
    iou = pairwise_iou(a, b)
    return torch.where(diagonal == 0, iou, iou - (distance / diagonal) ** beta)


def wh_iou(a_wh_N2: Tensor, b_wh_M2: Tensor) -> Tensor:
    """IoU of every pair of boxes moved to a common centre: how well sizes agree, for anchor matching.

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


def elementwise_iou(pred_xyxy_N4: Tensor, gt_xyxy_N4: Tensor, kind: IouKind) -> Tensor:
    """IoU, GIoU, DIoU or CIoU of each prediction with the ground truth of the same index, differentiable.

    Values and gradients are finite for empty boxes and for coordinates up to 1e9. A box with right < left or
    bottom < top counts as empty. The gradient takes the weight of CIoU's aspect term as constant.

    Args:
        pred_xyxy_N4: predictions (N, 4), xyxy.
        gt_xyxy_N4: ground truth (N, 4), xyxy.
        kind: member of the IoU family.

    Returns:
        (N,), float32 or wider. IoU is in 0..1, GIoU and DIoU in -1..1, CIoU in -2..1; the best is 1.

    Source: GIoU arXiv:1902.09630, DIoU and CIoU arXiv:1911.08287. Differs from darknet src/box.c (59596d78), which
    raises DIoU's distance term to the power 0.6.
    """
    pred, gt = _at_least_float32(pred_xyxy_N4), _at_least_float32(gt_xyxy_N4)
    pred_start, pred_end = pred[:, :2], torch.maximum(pred[:, :2], pred[:, 2:])
    gt_start, gt_end = gt[:, :2], torch.maximum(gt[:, :2], gt[:, 2:])
    pred_wh, gt_wh = pred_end - pred_start, gt_end - gt_start
    inter_wh = torch.minimum(pred_end, gt_end) - torch.maximum(pred_start, gt_start)
    inter = inter_wh.clamp(min=0).prod(-1)
    union = pred_wh.prod(-1) + gt_wh.prod(-1) - inter
    iou = inter / union.clamp(min=_TINY)
    if kind == "iou":
        return iou
    enclosing_wh = torch.maximum(pred_end, gt_end) - torch.minimum(pred_start, gt_start)
    if kind == "giou":
        enclosing = enclosing_wh.prod(-1)
        return iou - (enclosing - union) / enclosing.clamp(min=_TINY)
    offset = (pred_start + pred_end - gt_start - gt_end) / 2
    diou = iou - offset.square().sum(-1) / enclosing_wh.square().sum(-1).clamp(min=_TINY)
    return diou if kind == "diou" else diou - _aspect_penalty(pred_wh, gt_wh, iou)


def _aspect_penalty(pred_wh: Tensor, gt_wh: Tensor, iou: Tensor) -> Tensor:
    """CIoU's alpha * v, (N,) in 0..1."""
    difference = _diagonal_angle(gt_wh) - _diagonal_angle(pred_wh)
    v = (2 / math.pi * difference).square()
    alpha = v / (1 - iou + v).clamp(min=_TINY)
    return alpha.detach() * v


def _diagonal_angle(wh: Tensor) -> Tensor:
    sides = wh.clamp(min=_TINY)
    return torch.atan2(sides[:, 0], sides[:, 1])


def _at_least_float32(boxes: Tensor) -> Tensor:
    return boxes.to(torch.promote_types(boxes.dtype, torch.float32))
