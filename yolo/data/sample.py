"""The data structures of this room: `Sample` (one image) and `Batch` (the input of a step).

Axes: B images, C = 3 channels (RGB), H and W pixels, N boxes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

IGNORE = -1  # class id of a region to ignore (a crowd, a difficult object): neither object nor background


class Shard(NamedTuple):
    """The part of a data set that one of several processes reads."""

    rank: int = 0
    world_size: int = 1


WHOLE = Shard()


class Key(NamedTuple):
    """The input that a sampler requests; together with the seed it determines all randomness of the input."""

    epoch: int
    image_id: int  # its index in the data set
    repeat: int = 0  # how often this epoch drew the image before


class Letterbox(NamedTuple):
    """The position of an image in its network input: input = image * scale + (left, top)."""

    scale_x: float
    scale_y: float
    left: float
    top: float
    width: int  # of the image, pixels
    height: int

    def to_image(self, boxes_xyxy: torch.Tensor) -> torch.Tensor:
        """Map boxes from the network input back to the image, and clip them to it.

        Args:
            boxes_xyxy: (N, 4), pixels of the network input.

        Returns:
            (N, 4), xyxy, pixels of the image.
        """
        offset = boxes_xyxy.new_tensor([self.left, self.top, self.left, self.top])
        scale = boxes_xyxy.new_tensor([self.scale_x, self.scale_y, self.scale_x, self.scale_y])
        limit = boxes_xyxy.new_tensor([self.width, self.height, self.width, self.height])
        return ((boxes_xyxy - offset) / scale).clamp(min=0).minimum(limit)


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with its boxes, in pixels of the image."""

    image: npt.NDArray[np.uint8]  # (H, W, 3), BGR as OpenCV reads it
    boxes_xyxy: npt.NDArray[np.float32]  # (N, 4), pixels of `image`
    class_ids: npt.NDArray[np.int64]  # (N,), `IGNORE` for a region to ignore


@dataclass(frozen=True, slots=True)
class Batch:
    """The input of a training or evaluation step."""

    images: torch.Tensor  # (B, 3, H, W) uint8, RGB
    targets: torch.Tensor  # (N, 6) float32: image in batch, class or `IGNORE`, cx, cy, w, h as fractions of the input
    image_ids: tuple[int, ...]  # index of each image in its data set; of the whole image for tiles that detectors merge
    letterboxes: tuple[Letterbox, ...]  # position of each image in the input; empty for augmented inputs
    input_size: tuple[int, int] | None = None  # (height, width) that the device resizes `images` to; None: no resizing

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def distinct_ids(self) -> tuple[int, ...]:
        """The index of each image once, where several inputs are tiles of one image."""
        return tuple(dict.fromkeys(self.image_ids))

    def resized(self, size: int, stride: int) -> Batch:
        """Return the batch with another input size; targets are fractions and do not change.

        Args:
            size: longer side of the input, pixels.
            stride: the shorter side keeps the aspect ratio to the nearest multiple of this.
        """
        height, width = self.images.shape[2:]
        scale = size / max(height, width)
        shorter = max(1, round(min(height, width) * scale / stride)) * stride if height != width else size
        return replace(self, input_size=(shorter, size) if height < width else (size, shorter))

    def filled(self, count: int) -> Batch:
        """Return the batch filled up to `count` images by repeating the last one; targets do not change."""
        missing = count - len(self)
        if missing <= 0:
            return self
        more = self.images[-1:].expand(missing, -1, -1, -1)
        return replace(
            self,
            images=torch.cat([self.images, more]),
            image_ids=self.image_ids + self.image_ids[-1:] * missing,
            letterboxes=self.letterboxes + self.letterboxes[-1:] * missing,
        )

    def pin_memory(self) -> Batch:
        """Return a copy in page-locked memory, for asynchronous copies to a CUDA device; the loader calls this."""
        return replace(self, images=self.images.pin_memory(), targets=self.targets.pin_memory())
