"""Rectangular inputs with minimal padding, and batches of them.

The shape of an input is a function of its image, never of the other images of the batch, so that scores do not depend
on the batch size, the order or the number of processes. Images of one shape are batched together.

Axes: M images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Sampler

from yolo.data.sample import WHOLE, Key, Shard
from yolo.rng import epoch_rng

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt


def rectangular_sizes(sizes: npt.NDArray[np.int32], size: int, stride: int) -> npt.NDArray[np.int32]:
    """Return the smallest input of each image.

    Args:
        sizes: (M, 2), width and height of the images, pixels.
        size: longer side of each input, pixels, a multiple of the stride.
        stride: of the network.

    Returns:
        (M, 2), width and height of the inputs: the longer side is `size`, the shorter one that of the scaled image,
        rounded up to a multiple of the stride.
    """
    assert size % stride == 0, (size, stride)
    scaled = np.maximum(np.rint(sizes * (size / sizes.max(axis=1, keepdims=True, initial=1))), 1)
    return np.asarray(np.ceil(scaled / stride) * stride, np.int32)


class RectBatches(Sampler[list[Key]]):
    """Batches of inputs of one shape; the last batch of each shape may be smaller.

    Args:
        input_sizes: (M, 2), width and height of the input of each image.
        batch_size: of this process.
        seed: of the order of images and of batches, new each epoch; every process gets equally many batches, some twice
            if necessary. None: in order, each image once.
        shard: the part of the data that this process reads.
    """

    def __init__(
        self,
        input_sizes: npt.NDArray[np.int32],
        *,
        batch_size: int,
        seed: int | None = None,
        shard: Shard = WHOLE,
    ) -> None:
        assert 0 <= shard.rank < shard.world_size, shard
        _, self._shape_ids, counts = np.unique(input_sizes, axis=0, return_inverse=True, return_counts=True)
        self._shape_ids = self._shape_ids.reshape(-1)  # NumPy 2.0 returns two axes
        self._num_batches = int((-(-counts // batch_size)).sum())
        self._batch_size = batch_size
        self._seed = seed
        self._shard = shard
        self.epoch = 0

    def __iter__(self) -> Iterator[list[Key]]:
        epoch, (rank, world_size) = self.epoch, self._shard
        batches = self._in_order() if self._seed is None else self._shuffled(self._seed, epoch)
        return ([Key(epoch, i) for i in batch.tolist()] for batch in batches[rank::world_size])

    def __len__(self) -> int:
        rank, world_size = self._shard
        if self._seed is None:
            return len(range(rank, self._num_batches, world_size))
        return -(-self._num_batches // world_size)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def _in_order(self) -> list[npt.NDArray[np.int64]]:
        return self._cut(np.arange(len(self._shape_ids)))

    def _shuffled(self, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
        rng = epoch_rng(seed, epoch)
        batches = self._cut(rng.permutation(len(self._shape_ids)))
        positions = np.resize(rng.permutation(len(batches)), len(self) * self._shard.world_size)
        return [batches[position] for position in positions]

    def _cut(self, order: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        """Cut an order of the images (M,) into batches of one shape each, in that order."""
        order = order[np.argsort(self._shape_ids[order], kind="stable")]
        starts = np.flatnonzero(np.diff(self._shape_ids[order], prepend=-1))
        groups = np.split(order, starts[1:])
        return [group[i : i + self._batch_size] for group in groups for i in range(0, len(group), self._batch_size)]
