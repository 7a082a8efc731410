"""Overlapping tiles of large images, so that small objects are not shrunk away: the arithmetic of the grid.

Training cuts its images by it (`tile_index.py`), and `yolo.inference.tiling` detects in the same tiles.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from yolo.config.tile_settings import TileSettings


class Tile(NamedTuple):
    """A rectangle of an image, pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def crop(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the tile's pixels, a view of the image."""
        return image[self.top : self.bottom, self.left : self.right]


class TileGrid(NamedTuple):
    """The way images are cut into tiles."""

    side: int  # of a tile, pixels; a smaller image is one tile
    overlap: float  # minimum overlap of neighbouring tiles as a fraction of the side, from 0 to below 1

    def split(self, image_wh: tuple[int, int]) -> list[Tile]:
        """Return equal tiles that cover an image, row by row; if there are several, the whole image comes first.

        Args:
            image_wh: width and height, pixels.
        """
        width, height = image_wh
        columns, rows = self._starts(width), self._starts(height)
        tiles = [Tile(x, y, min(x + self.side, width), min(y + self.side, height)) for y in rows for x in columns]
        return tiles if len(tiles) == 1 else [Tile(0, 0, width, height), *tiles]

    def _starts(self, length: int) -> list[int]:
        """Return the start of each tile along an axis: evenly spread, the last tile ending at the end."""
        if length <= self.side:
            return [0]
        count = math.ceil((length - self.side) / (self.side * (1 - self.overlap))) + 1
        return [round(number * (length - self.side) / (count - 1)) for number in range(count)]


def choose_tiles(settings: TileSettings, input_side: int) -> TileGrid | None:
    """Return the tiles that settings ask for, by default of the side of the network input; None: no tiles."""
    return TileGrid(settings.tile_size or input_side, settings.tile_overlap) if settings.tile else None
