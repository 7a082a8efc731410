"""The lines that say, before a run starts, what it will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.model.frozen_layers import format_trained
from yolo.training.build_data import batch_size_per_process

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch.optim import Optimizer

    from yolo.config.train_settings import TrainSettings
    from yolo.data.index import Index
    from yolo.data.sample import Batch
    from yolo.model.network import Darknet


def describe_processes(batch_size: int, world_size: int) -> str:
    """Return how batches are divided among processes; empty for one process."""
    if world_size == 1:
        return ""
    share = batch_size_per_process(batch_size, world_size)
    left = batch_size - share * world_size
    text = f"\n  {world_size} processes, {share} images a batch each"
    return text + (f"; {left} of the {batch_size} do not divide, and are left out" if left else "")


def describe_freezing(settings: TrainSettings, model: Darknet, frozen: Collection[int], optimizer: Optimizer) -> str:
    """Return what trains before and after layers are unfrozen; empty if none is frozen."""
    if not frozen:
        return ""
    thaw = settings.freezing.freeze_epochs
    phases = {f"1-{thaw or settings.epochs}": frozen} | ({f"{thaw + 1}-{settings.epochs}": ()} if thaw else {})
    lines = [format_trained(model, layers, optimizer.param_groups, epochs) for epochs, layers in phases.items()]
    return "".join(f"\n  {line}" for line in lines)


def describe_batch(batch: Batch, index: Index) -> str:
    """Return the names of the images of a batch; of a mosaic, the first of its images."""
    return ", ".join(index.path(image_id).name for image_id in batch.image_ids)
