"""Batches, epoch by epoch: which picture comes when and on which rank, and the workers that prepare it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, cast

import cv2
import torch
from torch.utils.data import DataLoader, DistributedSampler, Sampler

from yolo.data.collate import collate
from yolo.errors import YoloError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolo.data.dataset import DetectionDataset
    from yolo.data.sample import Batch

Key = tuple[int, int]  # epoch, index of the picture


class EpochSampler(DistributedSampler[Key]):
    """Keys in an order that `set_epoch` changes; each rank gets equally many, some twice if need be."""

    def __init__(self, dataset: DetectionDataset, *, seed: int, num_replicas: int = 1, rank: int = 0) -> None:
        super().__init__(dataset, num_replicas, rank, shuffle=True, seed=seed)
        self.first = 0  # position where the next pass starts

    def __iter__(self) -> Iterator[Key]:
        epoch = self.epoch
        return ((epoch, i) for i in islice(cast("Iterator[int]", super().__iter__()), self.first, None))


class InOrderSampler(Sampler[Key]):
    """Keys in order, each on exactly one rank; ranks may differ by one in length."""

    def __init__(self, dataset: DetectionDataset, *, num_replicas: int = 1, rank: int = 0) -> None:
        assert 0 <= rank < num_replicas, (rank, num_replicas)
        self._indices = range(rank, len(dataset), num_replicas)
        self.epoch = 0
        self.first = 0  # position where the next pass starts

    def __iter__(self) -> Iterator[Key]:
        epoch = self.epoch
        return ((epoch, i) for i in self._indices[self.first :])

    def __len__(self) -> int:
        return len(self._indices)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


class DetectionLoader:
    """The batches of one epoch, prepared by workers that live as long as the loader."""

    def __init__(
        self,
        dataset: DetectionDataset,
        sampler: EpochSampler | InOrderSampler,
        *,
        batch_size: int,
        workers: int,
        pin_memory: bool = False,
    ) -> None:
        self._sampler = sampler
        self._batch_size = batch_size
        self._batches = DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=workers,
            collate_fn=collate,
            pin_memory=pin_memory,
            worker_init_fn=_init_worker,
            persistent_workers=workers > 0,
            generator=torch.Generator(),  # else each epoch draws from the global one
        )

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        """Go through the epoch.

        Raises:
            YoloError: a picture cannot be used.
        """
        for batch in self._batches:
            if isinstance(batch, YoloError):
                raise batch
            yield batch

    def set_epoch(self, epoch: int) -> None:
        """Choose the order and the variation of the next pass."""
        self._sampler.set_epoch(epoch)

    def skip(self, batches: int) -> None:
        """Leave out the first batches of the next pass, unprepared."""
        self._sampler.first = batches * self._batch_size


def build_loader(
    dataset: DetectionDataset,
    *,
    batch_size: int,
    workers: int,
    shuffle: bool,
    seed: int,
    pin_memory: bool = False,
    num_replicas: int = 1,
    rank: int = 0,
) -> DetectionLoader:
    """Build the loader of one rank; the last batch may be smaller.

    Args:
        dataset: what to load, on every rank the same.
        batch_size: of this rank.
        workers: processes of this rank that prepare batches; 0 prepares them in this process.
        shuffle: true for training: a new order each epoch, ranks of equal length. Else in order, each picture once.
        seed: of the order, on every rank the same.
        pin_memory: true if the batches go to a CUDA device.
        num_replicas: number of ranks.
        rank: of this process, from 0.
    """
    sampler = (
        EpochSampler(dataset, seed=seed, num_replicas=num_replicas, rank=rank)
        if shuffle
        else InOrderSampler(dataset, num_replicas=num_replicas, rank=rank)
    )
    return DetectionLoader(dataset, sampler, batch_size=batch_size, workers=workers, pin_memory=pin_memory)


def _init_worker(_worker: int) -> None:
    cv2.setNumThreads(0)  # the workers are the threads
