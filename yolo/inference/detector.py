"""Run a network on a batch: normalise pixels, forward, decode, suppress, map boxes back to the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from yolo.boxes.detections import Detections, Predictions
from yolo.boxes.nms import NmsSettings, non_max_suppression
from yolo.data.collate import collate
from yolo.data.dataset import Item
from yolo.data.sample import Batch, Sample
from yolo.data.transforms import letterbox
from yolo.devices import fast_memory_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from torch import Tensor

    from yolo.model.network import Darknet


class Detector:
    """Detect objects in batches of images; boxes are in pixels of the original images.

    Args:
        model: in eval mode; it computes in the dtype of its parameters.
        nms: thresholds and rules of non-maximum suppression.
    """

    def __init__(self, model: Darknet, nms: NmsSettings) -> None:
        self.model = model
        self.nms = nms
        parameter = next(model.parameters())
        self.device, self._dtype = parameter.device, parameter.dtype

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> list[Detections]:
        """Return the detections in each image of a batch with letterboxes."""
        return to_image_pixels(self.suppress(self.predict(batch)), batch)

    @torch.inference_mode()
    def predict(self, batch: Batch) -> Predictions:
        """Return all candidate boxes, in pixels of the network input, before suppression."""
        return self.model.decode(*self.forward(batch))

    @torch.inference_mode()
    def forward(self, batch: Batch) -> tuple[list[Tensor], tuple[int, int]]:
        """Return the raw output of each head, and height and width of the network input, pixels."""
        images = to_input(batch.images, self.device, batch.input_size).to(self._dtype)
        return self.model(images), (images.shape[2], images.shape[3])

    @torch.inference_mode()
    def suppress(self, predictions: Predictions) -> list[Detections]:
        """Return the detections that non-maximum suppression keeps, in pixels of the network input."""
        return non_max_suppression(predictions, self.nms)


def to_input(images: Tensor, device: torch.device, size: tuple[int, int] | None = None) -> Tensor:
    """Convert uint8 images to the network's input.

    Args:
        images: (B, 3, H, W) uint8.
        device: the network's device.
        size: (height, width) to resize to, on the device; None: H and W.

    Returns:
        (B, 3, height, width) float32 in 0..1, on the device, in its `fast_memory_format`.
    """
    moved = images.to(device, non_blocking=True)
    pixels = moved.to(memory_format=fast_memory_format(device)).float() / 255
    if size is None or size == pixels.shape[2:]:
        return pixels
    return F.interpolate(pixels, size, mode="bilinear", antialias=size[0] < pixels.shape[2])


def letterbox_batch(images: Sequence[npt.NDArray[np.uint8]], size_wh: tuple[int, int]) -> Batch:
    """Letterbox images (H, W, 3), BGR, to one width and height, and collate them into a batch."""
    items = []
    for number, image in enumerate(images):
        padded, geometry = letterbox(image, size_wh)
        unlabelled = Sample(padded, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
        items.append(Item(number, unlabelled, geometry))
    batch = collate(items)
    assert isinstance(batch, Batch)
    return batch


def to_image_pixels(detections: Sequence[Detections], batch: Batch) -> list[Detections]:
    """Map detections from pixels of the network input to pixels of the batch's original images, and clip them."""
    return [
        Detections(geometry.to_image(found.xyxy), found.score, found.class_id)
        for geometry, found in zip(batch.letterboxes, detections, strict=True)
    ]
