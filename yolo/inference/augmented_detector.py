"""Test-time augmentation: run the network on several scaled and mirrored views of each image, and merge by NMS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from yolo.boxes.detections import Predictions
from yolo.data.transforms import FILL
from yolo.inference.detector import to_image_pixels, to_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.boxes.detections import Detections
    from yolo.data.sample import Batch
    from yolo.inference.detector import Detector


@dataclass(frozen=True, slots=True)
class View:
    """A scaled, perhaps mirrored copy of an image."""

    scale: float  # relative to the network input
    flip: bool = False  # swap left and right


VIEWS = (View(1), View(1, flip=True), View(0.8), View(1.25, flip=True))


class AugmentedDetector:
    """Detect objects in several views of each image, with the suppression of a detector.

    Args:
        detector: its model, device and NMS settings are used.
        stride: the network's largest stride; each view is padded to a multiple of it.
        views: the views to run the network on.
    """

    def __init__(self, detector: Detector, stride: int, views: Sequence[View] = VIEWS) -> None:
        self.model = detector.model
        self._detector = detector
        self._stride = stride
        self._views = tuple(views)

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> list[Detections]:
        """Return the detections in each image of a batch with letterboxes."""
        images = to_input(batch.images, self._detector.device, batch.input_size)
        per_view = [self._predict(images, view) for view in self._views]
        boxes_xyxy = torch.cat([predictions.boxes_xyxy for predictions in per_view], 1)
        scores = torch.cat([predictions.scores for predictions in per_view], 1)
        return to_image_pixels(self._detector.suppress(Predictions(boxes_xyxy, scores)), batch)

    def _predict(self, images: Tensor, view: View) -> Predictions:
        """Return the candidate boxes of one view, in pixels of `images`."""
        height, width = images.shape[2:]
        size = (round(height * view.scale), round(width * view.scale))
        if view.flip:
            images = images.flip(3)
        if size != (height, width):
            images = F.interpolate(images, size, mode="bilinear", antialias=view.scale < 1)
        padded = self._pad_to_stride(images)
        predictions = self.model.decode(self.model(padded), (padded.shape[2], padded.shape[3]))
        boxes = predictions.boxes_xyxy * predictions.boxes_xyxy.new_tensor([width / size[1], height / size[0]] * 2)
        if view.flip:
            boxes = torch.stack([width - boxes[..., 2], boxes[..., 1], width - boxes[..., 0], boxes[..., 3]], dim=-1)
        return Predictions(boxes, predictions.scores)

    def _pad_to_stride(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        bottom, right = (math.ceil(side / self._stride) * self._stride - side for side in (height, width))
        if bottom == right == 0:
            return images
        padded = F.pad(images, (0, right, 0, bottom), value=FILL / 255)
        return padded.contiguous(memory_format=torch.channels_last)
