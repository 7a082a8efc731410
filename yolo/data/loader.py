"""The batches of each epoch, prepared by worker processes."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import torch
from torch.utils.data import BatchSampler, Sampler

from yolo.data.collate import collate
from yolo.data.rect import RectBatches
from yolo.data.sample import WHOLE, Key, Shard
from yolo.data.samplers import EpochSampler, InOrderSampler, WeightedSampler
from yolo.data.workers import build_data_loader, receive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yolo.data.dataset import DetectionDataset
    from yolo.data.sample import Batch
    from yolo.data.tiled_images import TiledImages

Order = Literal["listed", "shuffled", "weighted"]
AnySampler: TypeAlias = "EpochSampler | WeightedSampler | InOrderSampler | RectBatches"


class _Batches(Sampler[list[Key]]):
    """The batches of a sampler, starting with a given one."""

    def __init__(self, sampler: AnySampler, batch_size: int) -> None:
        cut = BatchSampler(cast("Any", sampler), batch_size, drop_last=False)  # its types expect integers as keys
        self._batches = sampler if isinstance(sampler, RectBatches) else cut
        self.first = 0

    def __iter__(self) -> Iterator[list[Key]]:
        return islice(cast("Iterator[list[Key]]", iter(self._batches)), self.first, None)

    def __len__(self) -> int:
        return len(self._batches)


class DetectionLoader:
    """The batches of one epoch, prepared by workers that live as long as the loader."""

    def __init__(
        self,
        dataset: DetectionDataset | TiledImages,
        sampler: AnySampler,
        *,
        batch_size: int,
        workers: int,
        pin_memory: bool = False,
    ) -> None:
        self.batch_size = batch_size
        self._sampler = sampler
        self._order = _Batches(sampler, batch_size)
        self._batches = build_data_loader(
            dataset,
            collate,
            workers=workers,
            batch_bytes=min(batch_size, len(dataset)) * dataset.item_bytes,
            batch_sampler=self._order,
            pin_memory=pin_memory,
            persistent_workers=workers > 0,
            generator=torch.Generator(),  # otherwise each epoch draws from the global one
        )

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Batch]:
        """Iterate over the epoch.

        Raises:
            YoloError: an image cannot be used.
        """
        return receive(self._batches)

    def set_epoch(self, epoch: int, record: Mapping[str, float]) -> None:
        """Choose the order and the augmentation of the next pass.

        Args:
            epoch: from 0.
            record: numbers of the previous epoch by name, equal in all processes; a weighted order depends on them.
        """
        self._sampler.set_epoch(epoch)
        if isinstance(self._sampler, WeightedSampler):
            self._sampler.update_weights(record)

    def skip(self, batches: int) -> None:
        """Skip the first batches of the next pass, without preparing them."""
        self._order.first = batches


def build_loader(
    dataset: DetectionDataset,
    *,
    batch_size: int,
    workers: int,
    order: Order,
    seed: int,
    shard: Shard = WHOLE,
    pin_memory: bool = False,
) -> DetectionLoader:
    """Build the loader of a process; the last batch may be smaller.

    Args:
        dataset: to load, the same in all processes; if it has `input_sizes`, each batch is of one of them.
        batch_size: of this process.
        workers: processes that prepare batches; 0: this process prepares them.
        order: listed: each image once. For training, new each epoch and equally long in all processes: shuffled, or
            weighted (drawn by `image_weights`).
        seed: of the order, the same in all processes.
        shard: the part of the data that this process reads.
        pin_memory: True if the batches go to a CUDA device.
    """
    sampler = _sampler(dataset, order, batch_size=batch_size, seed=seed, shard=shard)
    return DetectionLoader(dataset, sampler, batch_size=batch_size, workers=workers, pin_memory=pin_memory)


def build_tile_loader(
    images: TiledImages, *, workers: int, shard: Shard = WHOLE, pin_memory: bool = False
) -> DetectionLoader:
    """Build a loader that yields the tiles of one image after the other, each image once.

    Args:
        images: to load, the same in all processes.
        workers: processes that read images; 0: this process reads them.
        shard: the part of the images that this process reads.
        pin_memory: True if the batches go to a CUDA device.
    """
    sampler = InOrderSampler(images, shard=shard)
    return DetectionLoader(images, sampler, batch_size=1, workers=workers, pin_memory=pin_memory)


def num_batches_per_epoch(dataset: DetectionDataset, batch_size: int, world_size: int = 1) -> int:
    """Return the number of training batches per epoch of each process."""
    if dataset.input_sizes is not None:
        return len(RectBatches(dataset.input_sizes, batch_size=batch_size, seed=0, shard=Shard(0, world_size)))
    return math.ceil(math.ceil(len(dataset) / world_size) / batch_size)


def _sampler(dataset: DetectionDataset, order: Order, *, batch_size: int, seed: int, shard: Shard) -> AnySampler:
    if dataset.input_sizes is not None:
        assert order != "weighted", "the number of rectangular batches would differ between epochs"
        order_seed = seed if order == "shuffled" else None
        return RectBatches(dataset.input_sizes, batch_size=batch_size, seed=order_seed, shard=shard)
    if order == "shuffled":
        return EpochSampler(dataset, seed=seed, shard=shard)
    if order == "weighted":
        return WeightedSampler(dataset.index, seed=seed, shard=shard)
    return InOrderSampler(dataset, shard=shard)
