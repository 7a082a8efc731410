"""Assign anchors to ground truth by the IoU of their shapes.

Axes: A anchors of a head, N ground truth boxes of a batch, P assigned predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from yolo.boxes.box_ops import wh_iou

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.losses.prediction_grid import PredictionGrid


class AnchorAssignment(NamedTuple):
    """P predictions of one head and their ground truth boxes; a prediction may be assigned to several."""

    prediction: Tensor  # (P,) int64, number in the head's grid
    gt_index: Tensor  # (P,) int64, row of the ground truth


def assign_by_anchor_iou(
    gt: Tensor, anchors_wh: Tensor, grid: PredictionGrid, image_size: tuple[int, int], threshold: float
) -> AnchorAssignment:
    """Assign to each box every anchor of nearly its shape, in the cell that holds the box's center.

    Args:
        gt: (N, 6): image, class, cx, cy, w, h as fractions of the network input.
        anchors_wh: (A, 2), pixels.
        grid: of the head.
        image_size: (height, width) of the network input, pixels.
        threshold: the IoU of anchor and box, with their centers aligned, that an anchor must exceed.

    Source: the recipe of the 2018-2020 PyTorch YOLOv3 trainers, `iou_t`.
    """
    height, width = image_size
    gt_wh = gt[:, 4:6] * gt.new_tensor([width, height])
    anchor, gt_index = (wh_iou(anchors_wh, gt_wh) > threshold).nonzero(as_tuple=True)
    row, column = grid.cell_at(gt[gt_index, 2:4] * grid.size(gt))
    return AnchorAssignment(grid.index(gt[gt_index, 0].long(), anchor, row, column), gt_index)
