"""True boxes as Darknet's losses meet them: the best one for every prediction, and the order in which they write.

Axes: B images, P predictions an image, N true boxes of a batch, T true boxes of an image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from yolo.boxes.box_ops import cxcywh_to_xyxy
from yolo.losses.ignore_regions import is_ignored

if TYPE_CHECKING:
    from torch import Tensor

PAIRS_AT_ONCE = 2**23  # of predictions and true boxes: 32 MB a temporary tensor of float32


class Truths(NamedTuple):
    """True boxes of a batch."""

    image: Tensor  # (N,) int64
    class_id: Tensor  # (N,) int64
    cxcywh: Tensor  # (N, 4), fractions of the network input

    def pick(self, which: Tensor) -> Truths:
        """Some of them, by number or by bool."""
        return Truths(self.image[which], self.class_id[which], self.cxcywh[which])


def split_targets(targets: Tensor, num_classes: int, dtype: torch.dtype) -> tuple[Truths, Truths]:
    """The true boxes and the ignore regions of a batch; boxes without an area are neither.

    Args:
        targets: (N, 6): image, class (-1: an ignore region), cx, cy, w, h as fractions of the network input.
        num_classes: of the head; boxes of a class beyond it are dropped, as in Darknet.
        dtype: of the boxes returned.
    """
    class_id = targets[:, 1].long()
    everything = Truths(targets[:, 0].long(), class_id, targets[:, 2:6].to(dtype))
    solid = (targets[:, 4:6] > 0).all(1)
    return everything.pick(solid & (class_id >= 0) & (class_id < num_classes)), everything.pick(solid & (class_id < 0))


def occurrences(keys: Tensor) -> Tensor:
    """(N,) int64: how many equal keys (N,) stand before each one."""
    order = torch.argsort(keys, stable=True)
    place = torch.arange(len(keys), device=keys.device)
    ordered = keys[order]
    starts = torch.ones_like(ordered, dtype=torch.bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    first = torch.where(starts, place, 0).cummax(0).values if len(keys) else place
    return torch.empty_like(place).scatter_(0, order, place - first)


def rounds(cells: Tensor) -> list[Tensor]:
    """Split writes to cells so that those of one round go to different cells and each cell's keep their order.

    Args:
        cells: (N,) int64: the cell of each write, in Darknet's order.

    Returns:
        Numbers of the writes of each round; as many rounds as the most crowded cell has writes.
    """
    number = occurrences(cells)
    sizes = torch.bincount(number).tolist()
    return list(torch.split(torch.argsort(number, stable=True), sizes))


def best_overlaps(pred_cxcywh: Tensor, boxes: Truths) -> tuple[Tensor, Tensor]:
    """The largest overlap of every prediction with a box of its image.

    Memory is bounded whatever the number of boxes: they are taken a few at a time.

    Args:
        pred_cxcywh: (B, P, 4).
        boxes: of the same images, in the same unit.

    Returns:
        (B, P) in 0..1, and (B, P) int64: the number of the first box that has it; 0 and 0 where nothing overlaps.
    """
    num_images, num_predictions = pred_cxcywh.shape[:2]
    best = pred_cxcywh.new_zeros(num_images, num_predictions)
    which = torch.zeros_like(best, dtype=torch.int64)
    counts = torch.bincount(boxes.image, minlength=num_images).tolist()
    place = occurrences(boxes.image)
    padded = pred_cxcywh.new_zeros(num_images, max(counts), 4)
    padded[boxes.image, place] = boxes.cxcywh
    numbers = place.new_zeros(num_images, max(counts))
    numbers[boxes.image, place] = torch.arange(len(place), device=place.device)
    start = 0
    while start < max(counts):
        images = torch.tensor([i for i, count in enumerate(counts) if count > start], device=best.device)
        end = start + max(1, PAIRS_AT_ONCE // (len(images) * num_predictions))
        overlap, box = _overlaps(pred_cxcywh[images], padded[images, start:end]).max(-1)
        better = overlap > best[images]
        which[images] = torch.where(better, numbers[images, start:end].gather(1, box), which[images])
        best[images] = torch.where(better, overlap, best[images])
        start = end
    return best, which


def _overlaps(a_cxcywh: Tensor, b_cxcywh: Tensor) -> Tensor:
    """(B, P, T) of boxes (B, P, 4) and (B, T, 4); what is not a number counts as apart, as in Darknet."""
    a, b = cxcywh_to_xyxy(a_cxcywh)[:, :, None], cxcywh_to_xyxy(b_cxcywh)[:, None]
    width = torch.minimum(a[..., 2], b[..., 2]).sub_(torch.maximum(a[..., 0], b[..., 0])).clamp_(min=0)
    height = torch.minimum(a[..., 3], b[..., 3]).sub_(torch.maximum(a[..., 1], b[..., 1])).clamp_(min=0)
    common = width.mul_(height)
    union = a_cxcywh[..., 2:].prod(-1)[..., None] + b_cxcywh[..., 2:].prod(-1)[:, None] - common
    return common.div_(union).nan_to_num_(nan=0.0, posinf=0.0)


def left_alone(pred_cxcywh: Tensor, regions: Truths) -> Tensor | None:
    """(B, P) bool: which predictions lie mostly inside one ignore region; None without any region.

    Args:
        pred_cxcywh: (B, P, 4).
        regions: ignore regions of the same images, in the same unit.
    """
    if not len(regions.image):
        return None
    rows = torch.cat([regions.image[:, None], regions.class_id[:, None], regions.cxcywh], dim=1)
    return is_ignored(cxcywh_to_xyxy(pred_cxcywh), rows, (1, 1))
