"""Ground truth of a batch for Darknet's losses: the best box of each prediction, and the order of writes to cells.

Axes: B images, P predictions an image, N ground truth boxes of a batch, T ground truth boxes of an image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from yolo.boxes.box_ops import cxcywh_to_xyxy
from yolo.losses.ignore_regions import is_ignored

if TYPE_CHECKING:
    from torch import Tensor

MAX_PAIRS = 2**23  # of predictions and boxes compared at once: 32 MB a temporary tensor of float32


class GroundTruth(NamedTuple):
    """Ground truth boxes of a batch."""

    image: Tensor  # (N,) int64
    class_id: Tensor  # (N,) int64
    cxcywh: Tensor  # (N, 4), fractions of the network input

    def select(self, index: Tensor) -> GroundTruth:
        """Return some of the boxes, by number or by a bool mask."""
        return GroundTruth(self.image[index], self.class_id[index], self.cxcywh[index])


def split_targets(targets: Tensor, num_classes: int, dtype: torch.dtype) -> tuple[GroundTruth, GroundTruth]:
    """Split targets into ground truth boxes and ignore regions; drop boxes without an area.

    Args:
        targets: (N, 6): image, class (-1: an ignore region), cx, cy, w, h as fractions of the network input.
        num_classes: of the head; boxes of a class beyond it are dropped, as in Darknet.
        dtype: of the boxes returned.
    """
    class_id = targets[:, 1].long()
    boxes = GroundTruth(targets[:, 0].long(), class_id, targets[:, 2:6].to(dtype))
    has_area = (targets[:, 4:6] > 0).all(1)
    return boxes.select(has_area & (class_id >= 0) & (class_id < num_classes)), boxes.select(has_area & (class_id < 0))


def count_earlier_equals(keys: Tensor) -> Tensor:
    """Return (N,) int64: for each of the keys (N,), the number of equal keys before it."""
    order = torch.argsort(keys, stable=True)
    position = torch.arange(len(keys), device=keys.device)
    ordered = keys[order]
    starts = torch.ones_like(ordered, dtype=torch.bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    first = torch.where(starts, position, 0).cummax(0).values if len(keys) else position
    return torch.empty_like(position).scatter_(0, order, position - first)


def split_conflicting_writes(cells: Tensor) -> list[Tensor]:
    """Split writes into groups that go to distinct cells, so that the writes to each cell keep their order.

    Args:
        cells: (N,) int64: the cell of each write, in Darknet's order.

    Returns:
        Numbers of the writes of each group; there are as many groups as the most crowded cell has writes.
    """
    group = count_earlier_equals(cells)
    sizes = torch.bincount(group).tolist()
    return list(torch.split(torch.argsort(group, stable=True), sizes))


def best_iou(pred_cxcywh: Tensor, gt: GroundTruth) -> tuple[Tensor, Tensor]:
    """Return the largest IoU of each prediction with a box of its image, and that box.

    Boxes are compared in chunks, so that memory does not grow with their number.

    Args:
        pred_cxcywh: (B, P, 4).
        gt: of the same images, in the same unit.

    Returns:
        IoU (B, P) in 0..1, and int64 (B, P): number of the first box that has it; 0 and 0 where nothing overlaps.
    """
    num_images, num_predictions = pred_cxcywh.shape[:2]
    best = pred_cxcywh.new_zeros(num_images, num_predictions)
    best_index = torch.zeros_like(best, dtype=torch.int64)
    counts = torch.bincount(gt.image, minlength=num_images).tolist()
    position = count_earlier_equals(gt.image)
    padded = pred_cxcywh.new_zeros(num_images, max(counts), 4)
    padded[gt.image, position] = gt.cxcywh
    index = position.new_zeros(num_images, max(counts))
    index[gt.image, position] = torch.arange(len(position), device=position.device)
    start = 0
    while start < max(counts):
        images = torch.tensor([i for i, count in enumerate(counts) if count > start], device=best.device)
        end = start + max(1, MAX_PAIRS // (len(images) * num_predictions))
        iou, box = _iou_within_images(pred_cxcywh[images], padded[images, start:end]).max(-1)
        better = iou > best[images]
        best_index[images] = torch.where(better, index[images, start:end].gather(1, box), best_index[images])
        best[images] = torch.where(better, iou, best[images])
        start = end
    return best, best_index


def _iou_within_images(a_cxcywh: Tensor, b_cxcywh: Tensor) -> Tensor:
    """Return the IoU (B, P, T) of boxes (B, P, 4) and (B, T, 4); NaN counts as 0, as in Darknet."""
    a, b = cxcywh_to_xyxy(a_cxcywh)[:, :, None], cxcywh_to_xyxy(b_cxcywh)[:, None]
    width = torch.minimum(a[..., 2], b[..., 2]).sub_(torch.maximum(a[..., 0], b[..., 0])).clamp_(min=0)
    height = torch.minimum(a[..., 3], b[..., 3]).sub_(torch.maximum(a[..., 1], b[..., 1])).clamp_(min=0)
    intersection = width.mul_(height)
    union = a_cxcywh[..., 2:].prod(-1)[..., None] + b_cxcywh[..., 2:].prod(-1)[:, None] - intersection
    return intersection.div_(union).nan_to_num_(nan=0.0, posinf=0.0)


def ignored_predictions(pred_cxcywh: Tensor, ignore_regions: GroundTruth) -> Tensor | None:
    """Return (B, P) bool: whether each prediction lies mostly inside one ignore region; None without any region.

    Args:
        pred_cxcywh: (B, P, 4).
        ignore_regions: of the same images, in the same unit.
    """
    if not len(ignore_regions.image):
        return None
    image, class_id, cxcywh = ignore_regions
    rows = torch.cat([image[:, None], class_id[:, None], cxcywh], dim=1)
    return is_ignored(cxcywh_to_xyxy(pred_cxcywh), rows, (1, 1))
