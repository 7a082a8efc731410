"""The layout of resized images (tiles) in a flat array of bytes. Axes: M images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from yolo.data.transforms import tile_size

if TYPE_CHECKING:
    import numpy.typing as npt


class ImageCache(Protocol):
    """The interface of caches for the data set."""

    def get(self, i: int) -> npt.NDArray[np.uint8] | None:
        """Return the tile of image i, read-only, or None."""

    def put(self, i: int, image: npt.NDArray[np.uint8]) -> None:
        """Store the tile of image i if it has a slot."""


class Slots:
    """The layout, one tile after another."""

    def __init__(self, sizes: npt.NDArray[np.int32], longer_side: int) -> None:
        """Compute the layout.

        Args:
            sizes: (M, 2), width and height of the images.
            longer_side: of the tiles, pixels.
        """
        tiles = [tile_size((width, height), longer_side) for width, height in sizes.tolist()]
        self.tiles_wh = np.array(tiles, np.int32).reshape(-1, 2)
        self.ends = np.concatenate([[0], np.cumsum(3 * self.tiles_wh.astype(np.int64).prod(axis=1))])

    def __len__(self) -> int:
        return len(self.tiles_wh)

    @property
    def num_bytes(self) -> int:
        """Bytes of all tiles."""
        return int(self.ends[-1])

    def num_fitting(self, num_bytes: int) -> int:
        """Return the number of first images whose slots fit in so many bytes."""
        return max(0, int(np.searchsorted(self.ends, num_bytes, side="right")) - 1)

    def view(self, pixels: npt.NDArray[np.uint8], i: int) -> npt.NDArray[np.uint8]:
        """Return the slot of image i, (height, width, 3)."""
        width, height = self.tiles_wh[i].tolist()
        return pixels[self.ends[i] : self.ends[i + 1]].reshape(height, width, 3)
