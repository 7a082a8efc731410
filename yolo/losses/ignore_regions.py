"""Ignore regions: targets of class -1, inside which a prediction is neither right nor wrong.

Axes: B images, M predicted boxes an image, N targets, R ignore regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from yolo.boxes.box_ops import cxcywh_to_xyxy

if TYPE_CHECKING:
    from torch import Tensor

MAX_PAIRS_PER_CHUNK = 2**22  # predictions x regions compared at once
MIN_INSIDE = 0.5  # share of a prediction's area: COCO's rule for crowds at IoU 0.5


def split_ignore_regions(targets: Tensor) -> tuple[Tensor, Tensor]:
    """Split targets (N, 6) into ground truth boxes (class 0 or more) and ignore regions (class -1)."""
    ignored = targets[:, 1] < 0
    return targets[~ignored], targets[ignored]


def is_ignored(boxes_xyxy: Tensor, ignore_regions: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Return whether each prediction lies mostly inside one ignore region; memory does not grow with the regions.

    Args:
        boxes_xyxy: (B, M, 4), pixels of the network input.
        ignore_regions: (R, 6): image, -1, cx, cy, w, h as fractions of the network input.
        image_size: (height, width) of the network input, pixels.

    Returns:
        (B, M) bool: intersection / area of the prediction > 0.5.

    Source: pycocotools, IoU with `iscrowd`.
    """
    height, width = image_size
    regions_xyxy = cxcywh_to_xyxy(ignore_regions[:, 2:6]) * ignore_regions.new_tensor([width, height, width, height])
    boxes = boxes_xyxy.detach()
    areas = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    ignored = torch.zeros_like(areas, dtype=torch.bool)
    chunk_size = max(1, MAX_PAIRS_PER_CHUNK // max(1, boxes.shape[1]))
    for image in torch.unique(ignore_regions[:, 0].long()).tolist():
        for chunk in torch.split(regions_xyxy[ignore_regions[:, 0] == image], chunk_size):
            top_left = torch.maximum(boxes[image, :, None, :2], chunk[:, :2])
            bottom_right = torch.minimum(boxes[image, :, None, 2:], chunk[:, 2:])
            intersection = (bottom_right - top_left).clamp(min=0).prod(-1)
            ignored[image] |= (intersection > MIN_INSIDE * areas[image, :, None]).any(-1)
    return ignored
