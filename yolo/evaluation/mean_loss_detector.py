"""The mean loss of a split, from the same forward pass as its detections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from yolo import distributed
from yolo.inference.detector import to_image_pixels
from yolo.losses.registry import LOSS_TERMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.boxes.detections import Detections
    from yolo.data.sample import Batch
    from yolo.inference.detector import Detector
    from yolo.losses.registry import Loss

AFTER_WARM_UP = 10**9  # images seen: Darknet's losses begin differently, and epochs could not be compared


class MeanLossDetector:
    """A detector that also adds up the loss of what the network returns.

    Args:
        detector: its model is in eval mode.
        loss: of the training, with its gains.
    """

    def __init__(self, detector: Detector, loss: Loss) -> None:
        self.model = detector.model
        self._detector = detector
        self._loss = loss
        self._sums = torch.zeros(len(LOSS_TERMS), dtype=torch.float64)
        self._num_images = 0

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> list[Detections]:
        """Return the detections in each image of a batch, and add its loss."""
        outputs, image_size = self._detector.forward(batch)
        self._add_loss(outputs, batch, image_size)
        return to_image_pixels(self._detector.suppress(self.model.decode(outputs, image_size)), batch)

    def mean_losses(self) -> dict[str, float]:
        """Return the loss terms by name: means over the batches of all processes, weighted by their images."""
        num_images = distributed.all_reduce_sum(torch.tensor(self._num_images))
        means = distributed.all_reduce_sum(self._sums) / num_images
        return dict(zip(LOSS_TERMS, means.tolist(), strict=True))

    def _add_loss(self, outputs: Sequence[Tensor], batch: Batch, image_size: tuple[int, int]) -> None:
        num_images = len(set(batch.image_ids))  # a batch is filled up with copies of its last image
        targets = batch.targets.to(self._detector.device, non_blocking=True)
        with distributed.without_others():  # processes may have different numbers of batches
            terms = self._loss([raw[:num_images] for raw in outputs], targets, image_size, images_seen=AFTER_WARM_UP)
        values = torch.stack([terms[name] for name in LOSS_TERMS])
        self._sums += num_images * values.cpu().double()
        self._num_images += num_images
