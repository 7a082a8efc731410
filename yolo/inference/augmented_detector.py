"""Test-time augmentation: each image enters the network in several sizes and mirrored; NMS merges what is found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from yolo.boxes.detections import Detections, Predictions
from yolo.boxes.nms import non_max_suppression
from yolo.data.transforms import FILL
from yolo.inference.detector import to_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.data.sample import Batch
    from yolo.inference.detector import Detector


@dataclass(frozen=True, slots=True)
class View:
    """How an image is shown to the network."""

    scale: float  # of the network input
    flip: bool = False  # left and right change places


VIEWS = (View(1), View(1, flip=True), View(0.8), View(1.25, flip=True))


class AugmentedDetector:
    """Detects in several views of each image, with the thresholds of a detector.

    Args:
        detector: for one view.
        stride: of the network; each view is filled up with grey to a multiple of it.
        views: what the network sees.
    """

    def __init__(self, detector: Detector, stride: int, views: Sequence[View] = VIEWS) -> None:
        self.model = detector.model
        self._detector = detector
        self._stride = stride
        self._views = tuple(views)

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> list[Detections]:
        """Detections of each image of the batch, which must say how its images lie in the input."""
        images = to_input(batch.images, self._detector.device, batch.input_size)
        seen = [self._predict(images, view) for view in self._views]
        found = non_max_suppression(
            Predictions(torch.cat([p.boxes_xyxy for p in seen], 1), torch.cat([p.scores for p in seen], 1)),
            score_threshold=self._detector.score_threshold,
            iou_threshold=self._detector.iou_threshold,
            max_detections=self._detector.max_detections,
        )
        return [
            Detections(letterbox.to_image(detections.xyxy), detections.score, detections.class_id)
            for letterbox, detections in zip(batch.letterboxes, found, strict=True)
        ]

    def _predict(self, images: Tensor, view: View) -> Predictions:
        """Boxes of one view, in pixels of `images`."""
        height, width = images.shape[2:]
        size = (round(height * view.scale), round(width * view.scale))
        if view.flip:
            images = images.flip(3)
        if size != (height, width):
            images = F.interpolate(images, size, mode="bilinear", antialias=view.scale < 1)
        padded = self._padded(images)
        predictions = self.model.decode(self.model(padded), (padded.shape[2], padded.shape[3]))
        boxes = predictions.boxes_xyxy * predictions.boxes_xyxy.new_tensor([width / size[1], height / size[0]] * 2)
        if view.flip:
            boxes = torch.stack([width - boxes[..., 2], boxes[..., 1], width - boxes[..., 0], boxes[..., 3]], dim=-1)
        return Predictions(boxes, predictions.scores)

    def _padded(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        below, right = (math.ceil(side / self._stride) * self._stride - side for side in (height, width))
        if below == right == 0:
            return images
        padded = F.pad(images, (0, right, 0, below), value=FILL / 255)
        return padded.contiguous(memory_format=torch.channels_last)
