"""The data of a run: the splits, the training batches of this process, and the validation batches."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from yolo import distributed
from yolo.data.cache.build_cache import build_cache
from yolo.data.dataset import DetectionDataset
from yolo.data.formats.no_labels import require_objects
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.loader import DetectionLoader, build_loader, num_batches_per_epoch
from yolo.data.tile_index import cut_as_set
from yolo.data.tiles import choose_tiles
from yolo.engine.phases import PhasedLoader
from yolo.errors import SettingsError
from yolo.evaluation.evaluation_loader import build_evaluation_loader, build_tiled_evaluation_loader, rect_input_sizes
from yolo.evaluation.evaluator import Evaluator
from yolo.training.build_schedule import batch_size_at
from yolo.training.validation import Validation

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from yolo.config.augment_settings import AugmentSettings
    from yolo.config.train_settings import DataSettings, TrainSettings
    from yolo.data.index import Index
    from yolo.data.sample import Shard
    from yolo.losses.registry import Loss
    from yolo.model.graph import Graph
    from yolo.training.input_schedule import InputSizes

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Splits:
    """The indexes of a data set that training reads."""

    train: Index
    val: Index

    @property
    def names(self) -> tuple[str, ...]:
        """Class names."""
        return self.train.names


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Training batches and validation of this process."""

    dataset: DetectionDataset
    loader: PhasedLoader
    validation: Validation

    def batches_per_epoch(self, world_size: int, batch_size: int) -> int:
        """Return the number of training batches per epoch, of this size over all processes."""
        return num_batches_per_epoch(self.dataset, batch_size_per_process(batch_size, world_size), world_size)


def read_splits(chosen: DataSettings) -> Splits:
    """Read the training and the validation split; one process of each machine does so first, and fills the cache."""
    with distributed.local_main_first(f"read --data {chosen.data}"):
        source = open_dataset(chosen.data, stream=chosen.stream)
        splits = Splits(source.index("train"), source.index("val"))
        require_objects(source, "train", splits.train)
        require_objects(source, "val", splits.val)
    if chosen.single_cls:
        return Splits(splits.train.single_class(), splits.val.single_class())
    return splits


def cut_training_images(chosen: DataSettings, splits: Splits, size: int) -> Splits:
    """Return the splits with the tiles of the training images in their place, if the settings ask for tiles.

    Args:
        chosen: settings of the data.
        splits: of whole images.
        size: side of the network input in training, pixels.
    """
    train = cut_as_set(splits.train, chosen, size)
    if chosen.tile:
        num_background = int((np.diff(train.box_ends) == 0).sum())
        logger.info(
            "--tile: %d training images make %d tiles of %d px, of which %d have no objects",
            len(splits.train), len(train), chosen.tile_size or size, num_background,
        )  # fmt: skip
    return replace(splits, train=train)


def batch_size_per_process(batch_size: int, world_size: int) -> int:
    """Return the share of a batch that each process has; equal for all.

    Raises:
        SettingsError: there are more processes than images per batch.
    """
    share = batch_size // world_size
    if not share:
        raise SettingsError(f"--batch-size {batch_size}: {world_size} processes need as many images")
    return share


def build_dataset(
    chosen: DataSettings, augment: AugmentSettings, index: Index, graph: Graph, *, size: int, epochs: int, seed: int
) -> DetectionDataset:
    """Build the data set of training inputs.

    Args:
        chosen: settings of the data.
        augment: settings of augmentation.
        index: the training split.
        graph: the network.
        size: side of the network input, pixels.
        epochs: of the run.
        seed: of the run.
    """
    if chosen.rect:
        logger.info("--rect: no mosaics, they are square")
    return DetectionDataset(
        index=index,
        size=size,
        augment=augment.without_mosaic() if chosen.rect else augment,
        seed=seed,
        input_sizes=rect_input_sizes(index, graph, size) if chosen.rect else None,
        mosaic_epochs=max(0, epochs - chosen.close_mosaic),
        cache=build_cache(chosen.cache, index, size),
    )


def build_train_loader(
    chosen: DataSettings,
    dataset: DetectionDataset,
    batch_size_at: Callable[[int], int],
    *,
    seed: int,
    shard: Shard,
    device: torch.device,
) -> PhasedLoader:
    """Build the loader of this process's share of the training batches.

    Args:
        chosen: settings of the data.
        dataset: the training inputs.
        batch_size_at: epoch, from 0 -> images per batch, over all processes.
        seed: of the run.
        shard: the share of this process.
        device: that the batches go to.
    """

    def build(batch_size: int) -> DetectionLoader:
        return build_loader(
            dataset,
            batch_size=batch_size_per_process(batch_size, shard.world_size),
            workers=chosen.workers,
            order="weighted" if chosen.image_weights else "shuffled",
            seed=seed,
            pin_memory=device.type == "cuda",
            shard=shard,
        )

    return PhasedLoader(build, batch_size_at)


def build_validation(
    chosen: DataSettings, index: Index, graph: Graph, loss: Loss, size: int, *, shard: Shard, device: torch.device
) -> Validation:
    """Build the validation of a run: this process's share of the split, and previews of the whole split."""
    if grid := choose_tiles(chosen, size):
        build_tiled = functools.partial(build_tiled_evaluation_loader, index, grid, size=size, device=device)
        loader = build_tiled(workers=chosen.workers, shard=shard)
        return Validation(index, loader, Evaluator(index), loss, build_tiled(workers=0), tiled=True)
    build = functools.partial(
        build_evaluation_loader,
        index,
        size=size,
        device=device,
        input_sizes=rect_input_sizes(index, graph, size) if chosen.rect else None,
    )
    loader = build(workers=chosen.workers, shard=shard)
    return Validation(index, loader, Evaluator(index), loss, build(workers=0))


def build_data(
    settings: TrainSettings,
    splits: Splits,
    graph: Graph,
    loss: Loss,
    sizes: InputSizes,
    *,
    shard: Shard,
    device: torch.device,
) -> TrainingData:
    """Build the training batches and the validation of this process."""
    chosen, seed = settings.dataset, settings.seed
    dataset = build_dataset(
        chosen, settings.augment, splits.train, graph, size=sizes.train, epochs=settings.epochs, seed=seed
    )
    at = functools.partial(batch_size_at, settings)
    return TrainingData(
        dataset,
        build_train_loader(chosen, dataset, at, seed=seed, shard=shard, device=device),
        build_validation(chosen, splits.val, graph, loss, sizes.test, shard=shard, device=device),
    )
