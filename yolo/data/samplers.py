"""The order of images in an epoch, and the part that each process reads; `set_epoch` starts an epoch of a sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from torch.utils.data import DistributedSampler, Sampler

from yolo.data.image_weights import image_weights
from yolo.data.sample import WHOLE, Key, Shard
from yolo.rng import epoch_rng

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sized

    import numpy.typing as npt

    from yolo.data.dataset import DetectionDataset
    from yolo.data.index import Index


class EpochSampler(DistributedSampler[Key]):
    """Shuffled keys, in another order each epoch; every process gets equally many, some images twice if necessary."""

    def __init__(self, dataset: DetectionDataset, *, seed: int, shard: Shard = WHOLE) -> None:
        super().__init__(dataset, shard.world_size, shard.rank, shuffle=True, seed=seed)

    def __iter__(self) -> Iterator[Key]:
        epoch = self.epoch
        return (Key(epoch, i) for i in cast("Iterator[int]", super().__iter__()))


class WeightedSampler(Sampler[Key]):
    """As many keys as there are images, drawn with replacement; each process gets its part of one draw.

    The draw is a function of the seed, the epoch and the record of the previous epoch, so it is equal in all processes.
    """

    def __init__(self, index: Index, *, seed: int, shard: Shard = WHOLE) -> None:
        assert 0 <= shard.rank < shard.world_size, shard
        self._index = index
        self._seed = seed
        self._shard = shard
        self.epoch = 0
        self.update_weights({})

    def __iter__(self) -> Iterator[Key]:
        epoch, (rank, world_size) = self.epoch, self._shard
        count = len(self) * world_size
        drawn = epoch_rng(self._seed, epoch).choice(len(self._index), size=count, p=self._weights)
        part = slice(rank, None, world_size)
        pairs = zip(drawn[part].tolist(), _num_earlier(drawn)[part].tolist(), strict=True)
        return (Key(epoch, i, repeat) for i, repeat in pairs)

    def __len__(self) -> int:
        return -(-len(self._index) // self._shard.world_size)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def update_weights(self, record: Mapping[str, float]) -> None:
        """Compute the weights from the record of the previous epoch, which is equal in all processes."""
        self._weights = image_weights(self._index, record)


class InOrderSampler(Sampler[Key]):
    """Keys in order, each in exactly one process; their numbers may differ by one."""

    def __init__(self, dataset: Sized, *, shard: Shard = WHOLE) -> None:
        assert 0 <= shard.rank < shard.world_size, shard
        self._indices = range(shard.rank, len(dataset), shard.world_size)
        self.epoch = 0

    def __iter__(self) -> Iterator[Key]:
        epoch = self.epoch
        return (Key(epoch, i) for i in self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


def _num_earlier(drawn: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return for each number of (n,) how often it occurs before its place."""
    order = np.argsort(drawn, kind="stable")
    starts = np.flatnonzero(np.diff(drawn[order], prepend=-1))
    lengths = np.diff(starts, append=len(drawn))
    counts = np.empty_like(drawn)
    counts[order] = np.arange(len(drawn)) - np.repeat(starts, lengths)
    return counts
