"""Which image comes when, and on which rank. Each sampler is told of a new epoch by `set_epoch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from torch.utils.data import DistributedSampler, Sampler

from yolo.data.image_weights import image_weights
from yolo.data.sample import Key
from yolo.rng import epoch_rng

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from yolo.data.dataset import DetectionDataset
    from yolo.data.index import Index


class EpochSampler(DistributedSampler[Key]):
    """Keys in an order that `set_epoch` changes; each rank gets equally many, some twice if need be."""

    def __init__(self, dataset: DetectionDataset, *, seed: int, num_replicas: int = 1, rank: int = 0) -> None:
        super().__init__(dataset, num_replicas, rank, shuffle=True, seed=seed)

    def __iter__(self) -> Iterator[Key]:
        epoch = self.epoch
        return (Key(epoch, i) for i in cast("Iterator[int]", super().__iter__()))


class WeightedSampler(Sampler[Key]):
    """As many keys as there are images, drawn with replacement; each rank gets a part of one draw.

    The draw is a function of the seed, the epoch and the record of the epoch before, so it is equal on all ranks.
    """

    def __init__(self, index: Index, *, seed: int, num_replicas: int = 1, rank: int = 0) -> None:
        assert 0 <= rank < num_replicas, (rank, num_replicas)
        self._index = index
        self._seed = seed
        self._ranks = (rank, num_replicas)
        self.epoch = 0
        self.weigh({})

    def __iter__(self) -> Iterator[Key]:
        epoch, (rank, num_replicas) = self.epoch, self._ranks
        count = len(self) * num_replicas
        drawn = epoch_rng(self._seed, epoch).choice(len(self._index), size=count, p=self._weights)
        part = slice(rank, None, num_replicas)
        pairs = zip(drawn[part].tolist(), _repeats(drawn)[part].tolist(), strict=True)
        return (Key(epoch, i, repeat) for i, repeat in pairs)

    def __len__(self) -> int:
        return -(-len(self._index) // self._ranks[1])

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def weigh(self, record: Mapping[str, float]) -> None:
        """Set the weights by the numbers of the epoch before, on every rank the same; see `image_weights`."""
        self._weights = image_weights(self._index, record)


class InOrderSampler(Sampler[Key]):
    """Keys in order, each on exactly one rank; ranks may differ by one in length."""

    def __init__(self, dataset: DetectionDataset, *, num_replicas: int = 1, rank: int = 0) -> None:
        assert 0 <= rank < num_replicas, (rank, num_replicas)
        self._indices = range(rank, len(dataset), num_replicas)
        self.epoch = 0

    def __iter__(self) -> Iterator[Key]:
        epoch = self.epoch
        return (Key(epoch, i) for i in self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


def _repeats(drawn: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How often each number of (n,) came before in it."""
    order = np.argsort(drawn, kind="stable")
    starts = np.flatnonzero(np.diff(drawn[order], prepend=-1))
    lengths = np.diff(starts, append=len(drawn))
    repeats = np.empty_like(drawn)
    repeats[order] = np.arange(len(drawn)) - np.repeat(starts, lengths)
    return repeats
