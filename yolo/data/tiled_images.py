"""Whole images as their tiles, for detectors that run on each tile and merge what they find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Dataset

from yolo.data.dataset import Item
from yolo.data.decode import read_indexed_image
from yolo.data.sample import Key, Sample
from yolo.data.transforms import letterbox
from yolo.errors import YoloError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.data.tiles import TileGrid


class TiledImages(Dataset["list[Item | YoloError]"]):
    """The tiles of each image of an index, without labels.

    Args:
        index: of whole images.
        grid: how to cut them.
        size: side of the network input, pixels.
    """

    def __init__(self, index: Index, grid: TileGrid, size: int) -> None:
        self._index = index
        self._grid = grid
        self._size = size

    def __len__(self) -> int:
        return len(self._index)

    @property
    def item_bytes(self) -> int:
        """Largest number of bytes of the tiles of an image."""
        sizes = np.unique(self._index.sizes, axis=0).tolist()
        return 3 * self._size**2 * max(len(self._grid.split((width, height))) for width, height in sizes)

    def __getitems__(self, keys: Sequence[tuple[int, ...]]) -> list[Item | YoloError]:
        """Return the network inputs of all tiles of some images, or the error of a user in the place of an image."""
        return [item for key in keys for item in self[key]]

    def __getitem__(self, key: tuple[int, ...]) -> list[Item | YoloError]:
        """Return the network inputs of the tiles of one image."""
        i = Key(*key).image_id
        try:
            image = read_indexed_image(self._index.path(i), self._index.size(i))
        except YoloError as error:
            return [error]
        return [*tile_items(image, self._grid, self._size, i)]


def tile_items(image: npt.NDArray[np.uint8], grid: TileGrid, size: int, image_id: int) -> list[Item]:
    """Return the tiles of an image, each letterboxed to a network input; the letterboxes map to the whole image.

    Args:
        image: (H, W, 3), BGR.
        grid: how to cut it.
        size: side of the network input, pixels.
        image_id: of every tile.
    """
    height, width = image.shape[:2]
    items = []
    for tile in grid.split((width, height)):
        padded, inner = letterbox(tile.crop(image), (size, size))
        of_image = inner._replace(
            left=inner.left - tile.left * inner.scale_x,
            top=inner.top - tile.top * inner.scale_y,
            width=width,
            height=height,
        )
        unlabelled = Sample(padded, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
        items.append(Item(image_id, unlabelled, of_image))
    return items
