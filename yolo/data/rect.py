"""Rectangular inputs: as little grey around each image as the network's stride allows.

The shape of an input is a function of its image alone, never of what shares the batch, so that a score does not
depend on the batch size, the order or the number of ranks. Images of one shape are batched together.

Axes: M images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Sampler

from yolo.data.sample import Key
from yolo.rng import epoch_rng

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt


def rectangular_sizes(sizes: npt.NDArray[np.int32], size: int, stride: int) -> npt.NDArray[np.int32]:
    """The smallest input of each image.

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
        input_sizes: (M, 2), width and height of each image's input.
        batch_size: of this rank.
        seed: of the order of images and of batches, new each epoch, where every rank gets equally many batches, some
            twice if need be; None: in order, each image once.
        num_replicas: number of ranks.
        rank: of this process, from 0.
    """

    def __init__(
        self,
        input_sizes: npt.NDArray[np.int32],
        *,
        batch_size: int,
        seed: int | None = None,
        num_replicas: int = 1,
        rank: int = 0,
    ) -> None:
        assert 0 <= rank < num_replicas, (rank, num_replicas)
        _, self._shape_ids, counts = np.unique(input_sizes, axis=0, return_inverse=True, return_counts=True)
        self._shape_ids = self._shape_ids.reshape(-1)  # NumPy 2.0 gives it two axes
        self._num_batches = int((-(-counts // batch_size)).sum())
        self._batch_size = batch_size
        self._seed = seed
        self._ranks = (rank, num_replicas)
        self.epoch = 0

    def __iter__(self) -> Iterator[list[Key]]:
        epoch, (rank, num_replicas) = self.epoch, self._ranks
        batches = self._in_order() if self._seed is None else self._shuffled(self._seed, epoch)
        return ([Key(epoch, i) for i in batch.tolist()] for batch in batches[rank::num_replicas])

    def __len__(self) -> int:
        rank, num_replicas = self._ranks
        if self._seed is None:
            return len(range(rank, self._num_batches, num_replicas))
        return -(-self._num_batches // num_replicas)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def _in_order(self) -> list[npt.NDArray[np.int64]]:
        return self._cut(np.arange(len(self._shape_ids)))

    def _shuffled(self, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
        rng = epoch_rng(seed, epoch)
        batches = self._cut(rng.permutation(len(self._shape_ids)))
        positions = np.resize(rng.permutation(len(batches)), len(self) * self._ranks[1])
        return [batches[position] for position in positions]

    def _cut(self, order: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        """Batches of one shape each, that keep to an order of the images (M,)."""
        order = order[np.argsort(self._shape_ids[order], kind="stable")]
        starts = np.flatnonzero(np.diff(self._shape_ids[order], prepend=-1))
        groups = np.split(order, starts[1:])
        return [group[i : i + self._batch_size] for group in groups for i in range(0, len(group), self._batch_size)]
