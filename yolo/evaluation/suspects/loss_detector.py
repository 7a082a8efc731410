"""Detections and loss of each image of a split, from one forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from yolo.config.loss_settings import LossSettings
from yolo.inference.detector import to_image_pixels
from yolo.layers import Yolo
from yolo.losses.registry import build_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.boxes.detections import Detections
    from yolo.data.sample import Batch
    from yolo.inference.detector import Detector
    from yolo.model.network import Darknet


class LossDetector:
    """Detect objects in batches of labelled images, and keep the loss of each image.

    Args:
        detector: of the network.
        settings: the loss; None: the default for the network's heads.

    Attributes:
        losses: position of an image in its index -> the sum of the loss terms.
    """

    def __init__(self, detector: Detector, settings: LossSettings | None) -> None:
        self.model = detector.model
        self.losses: dict[int, float] = {}
        self._detector = detector
        self._loss = build_loss(settings or _default_loss(detector.model), detector.model)

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> list[Detections]:
        """Return the detections in each image of a batch with letterboxes."""
        outputs, size = self._detector.forward(batch)
        targets = batch.targets.to(self._detector.device)
        for number, image_id in enumerate(batch.image_ids):
            if image_id not in self.losses:  # else the batch was filled up with this image
                self.losses[image_id] = self._image_loss(number, outputs, targets, size)
        return to_image_pixels(self._detector.suppress(self.model.decode(outputs, size)), batch)

    def _image_loss(self, number: int, outputs: Sequence[Tensor], targets: Tensor, size: tuple[int, int]) -> float:
        own = targets[targets[:, 0] == number]
        own = torch.cat([torch.zeros_like(own[:, :1]), own[:, 1:]], dim=1)
        outputs = [output[number : number + 1] for output in outputs]
        terms = self._loss(outputs, own, size, images_seen=self.model.images_seen)
        return float(torch.stack(list(terms.values())).sum())


def _default_loss(model: Darknet) -> LossSettings:
    only_yolo = all(isinstance(node.spec, Yolo) for node in model.heads)
    return LossSettings() if only_yolo else LossSettings(loss="darknet")
