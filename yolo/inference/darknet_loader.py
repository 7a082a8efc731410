"""Load the images of a split as Darknet does: its decoder, its resizing in floats, one image per batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch.utils.data import Dataset

from yolo.darknet.image_ops import letterbox, resize
from yolo.data.sample import WHOLE, Batch, Letterbox, Shard
from yolo.data.workers import build_data_loader, receive
from yolo.errors import YoloError
from yolo.inference.darknet_decode import read_as_darknet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolo.data.index import Index


class _DarknetImages(Dataset["Batch | YoloError"]):
    """Batches of one image each."""

    def __init__(self, index: Index, size_wh: tuple[int, int], fit: Literal["letterbox", "stretch"]) -> None:
        self._index = index
        self._size_wh = size_wh
        self._fit = letterbox if fit == "letterbox" else resize

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, i: int) -> Batch | YoloError:
        try:
            pixels = read_as_darknet(self._index.path(i), self._index.size(i))
        except YoloError as error:
            return error
        planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 255
        width, height = self._index.size(i)
        image = self._fit(planes, *self._size_wh)
        return Batch(image[None], torch.zeros(0, 6), (i,), (Letterbox(1, 1, 0, 0, width, height),))


class DarknetLoader:
    """Iterate over the images of a split as Darknet reads them, in batches of one, as Darknet evaluates them.

    `images` are float in 0..1; of the `letterboxes`, only the sizes of the images are valid.

    Args:
        index: the split.
        size_wh: width and height of the network input, pixels.
        fit: stretch, as `detector map` does, or letterbox, as it does with `-letter_box`.
        workers: number of processes that read images.
        shard: the share of the split that this process reads.
    """

    def __init__(
        self,
        index: Index,
        size_wh: tuple[int, int],
        fit: Literal["letterbox", "stretch"],
        *,
        workers: int,
        shard: Shard = WHOLE,
    ) -> None:
        self.batch_size = 1
        images = _DarknetImages(index, size_wh, fit)
        own = range(shard.rank, len(index), shard.world_size)
        self._batches = build_data_loader(
            images,
            _as_it_is,
            workers=workers,
            batch_bytes=3 * 4 * size_wh[0] * size_wh[1],
            batch_size=None,
            sampler=own,
        )

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches in order.

        Raises:
            YoloError: an image cannot be used.
        """
        return receive(self._batches)


def _as_it_is(batch: Batch | YoloError) -> Batch | YoloError:
    return batch
