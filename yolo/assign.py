"""Which cells and anchors answer for which true boxes.

Axes: A anchors of a head, N true boxes of a batch, P matches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from yolo.ops.boxes import shape_iou

if TYPE_CHECKING:
    from torch import Tensor


class Matches(NamedTuple):
    """P (cell, anchor) pairs of one head and the true boxes that they must predict."""

    image: Tensor  # (P,) int64
    anchor: Tensor  # (P,) int64
    row: Tensor  # (P,) int64
    column: Tensor  # (P,) int64
    class_id: Tensor  # (P,) int64
    truth_cxcywh: Tensor  # (P, 4) pixels of the network input


def match_by_shape(
    targets: Tensor, anchors_wh: Tensor, grid: tuple[int, int], image_size: tuple[int, int], threshold: float
) -> Matches:
    """Every anchor whose shape is near enough a true box's answers for it, in the cell that holds its centre.

    Args:
        targets: (N, 6): image, class, cx, cy, w, h as fractions of the network input.
        anchors_wh: (A, 2), pixels.
        grid: (rows, columns) of the head.
        image_size: (height, width) of the network input, pixels.
        threshold: least IoU of anchor and box laid on one centre.

    Source: the recipe of the 2018-2020 PyTorch YOLOv3 trainers, `iou_t`.
    """
    height, width = image_size
    rows, columns = grid
    truth = targets[:, 2:6] * targets.new_tensor([width, height, width, height])
    anchor, box = (shape_iou(anchors_wh, truth[:, 2:4]) > threshold).nonzero(as_tuple=True)
    picked = targets[box]
    return Matches(
        image=picked[:, 0].long(),
        anchor=anchor,
        row=(picked[:, 3] * rows).long().clamp(0, rows - 1),
        column=(picked[:, 2] * columns).long().clamp(0, columns - 1),
        class_id=picked[:, 1].long(),
        truth_cxcywh=truth[box],
    )
