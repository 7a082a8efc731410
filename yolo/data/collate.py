"""Join network inputs into a batch. Axes: as in `sample.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from yolo.data.sample import Batch, Sample
from yolo.errors import YoloError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from yolo.data.dataset import Item


def collate(items: Sequence[Item | YoloError]) -> Batch | YoloError:
    """Join inputs of one size, or return the first error among them."""
    good: list[Item] = []
    for item in items:
        if isinstance(item, YoloError):
            return item
        good.append(item)
    letterboxes = tuple(item.letterbox for item in good if item.letterbox is not None)
    assert len(letterboxes) in (0, len(good)), "inputs with and without augmentation in one batch"
    return Batch(
        images=_stack_images([item.sample.image for item in good]),
        targets=torch.from_numpy(np.concatenate([_targets(n, item.sample) for n, item in enumerate(good)])),
        image_ids=tuple(item.image_id for item in good),
        letterboxes=letterboxes,
    )


def _stack_images(images: Sequence[npt.NDArray[np.uint8]]) -> torch.Tensor:
    """Stack (H, W, 3) BGR images to (B, 3, H, W) RGB."""
    stacked = torch.empty((len(images), 3, *images[0].shape[:2]), dtype=torch.uint8)
    for out, image in zip(stacked.numpy(), images, strict=True):
        cv2.split(image, list(out[::-1]))  # writes into `out` in one pass over the image
    return stacked


def _targets(number: int, sample: Sample) -> npt.NDArray[np.float32]:
    """Return (N, 6): number of the image in its batch, class, cx, cy, w, h as fractions of the input."""
    height, width = sample.image.shape[:2]
    top_left, bottom_right = sample.boxes_xyxy[:, :2], sample.boxes_xyxy[:, 2:]
    targets = np.empty((len(sample.class_ids), 6), np.float32)
    targets[:, 0] = number
    targets[:, 1] = sample.class_ids
    targets[:, 2:4] = (top_left + bottom_right) / (2 * width, 2 * height)
    targets[:, 4:6] = (bottom_right - top_left) / (width, height)
    return targets
