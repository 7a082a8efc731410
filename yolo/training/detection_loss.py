"""The loss of a batch of detection targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.inference.detector import to_input

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from yolo.data.sample import Batch
    from yolo.engine.phases import PhasedSchedule
    from yolo.engine.schedule import Schedule
    from yolo.losses.registry import Loss


@dataclass(frozen=True, slots=True)
class DetectionLoss:
    """Maps a model and a micro-batch to loss terms, for the engine's trainer."""

    loss: Loss
    schedule: Schedule | PhasedSchedule
    device: torch.device

    def __call__(self, model: nn.Module, batch: Batch, images_seen: int, epoch: float) -> dict[str, Tensor]:
        images = to_input(batch.images, self.device, batch.input_size)
        return self.loss(
            model(images),
            batch.targets.to(self.device, non_blocking=True),
            (images.shape[2], images.shape[3]),
            images_seen=images_seen,
            objectness_ratio=self.schedule.objectness_ratio_at(epoch),
        )
