"""Which cells and anchors answer for which true boxes.

Axes: A anchors of a head, N true boxes of a batch, P matches; B images, M predicted boxes an image, R ignored regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from yolo.boxes.box_ops import cxcywh_to_xyxy, wh_iou

if TYPE_CHECKING:
    from torch import Tensor

MAX_OVERLAP_TABLE = 2**22  # predictions x regions compared at once
MOSTLY_INSIDE = 0.5  # of a prediction's area: COCO's rule for crowds at IoU .5


class AnchorMatches(NamedTuple):
    """P (cell, anchor) pairs of one head and the true boxes that they must predict."""

    image: Tensor  # (P,) int64
    anchor: Tensor  # (P,) int64
    row: Tensor  # (P,) int64
    column: Tensor  # (P,) int64
    class_id: Tensor  # (P,) int64
    truth_cxcywh: Tensor  # (P, 4) pixels of the network input


def match_by_shape(
    targets: Tensor, anchors_wh: Tensor, grid: tuple[int, int], image_size: tuple[int, int], threshold: float
) -> AnchorMatches:
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
    anchor, box = (wh_iou(anchors_wh, truth[:, 2:4]) > threshold).nonzero(as_tuple=True)
    picked = targets[box]
    return AnchorMatches(
        image=picked[:, 0].long(),
        anchor=anchor,
        row=(picked[:, 3] * rows).long().clamp(0, rows - 1),
        column=(picked[:, 2] * columns).long().clamp(0, columns - 1),
        class_id=picked[:, 1].long(),
        truth_cxcywh=truth[box],
    )


def split_ignored(targets: Tensor) -> tuple[Tensor, Tensor]:
    """True boxes and regions to ignore (class -1), (N, 6) and (R, 6)."""
    ignored = targets[:, 1] < 0
    return targets[~ignored], targets[ignored]


def lies_in_ignored(boxes_xyxy: Tensor, regions: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Which predictions lie mostly inside one region to ignore, in memory that does not grow with the regions.

    Args:
        boxes_xyxy: (B, M, 4), pixels of the network input.
        regions: (R, 6): image, -1, cx, cy, w, h as fractions of the network input.
        image_size: (height, width) of the network input, pixels.

    Returns:
        (B, M), true where intersection / area of the prediction > 0.5.

    Source: pycocotools, IoU with `iscrowd`.
    """
    height, width = image_size
    regions_xyxy = cxcywh_to_xyxy(regions[:, 2:6]) * regions.new_tensor([width, height, width, height])
    boxes = boxes_xyxy.detach()
    areas = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    inside = torch.zeros_like(areas, dtype=torch.bool)
    chunk = max(1, MAX_OVERLAP_TABLE // max(1, boxes.shape[1]))
    for image in torch.unique(regions[:, 0].long()).tolist():
        for part in torch.split(regions_xyxy[regions[:, 0] == image], chunk):
            start = torch.maximum(boxes[image, :, None, :2], part[:, :2])
            end = torch.minimum(boxes[image, :, None, 2:], part[:, 2:])
            overlaps = (end - start).clamp(min=0).prod(-1)
            inside[image] |= (overlaps > MOSTLY_INSIDE * areas[image, :, None]).any(-1)
    return inside
