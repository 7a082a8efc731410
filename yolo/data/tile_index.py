"""The index of a split's tiles: training on tiles is training on another index.

Axes: M images, T tiles of one image, N boxes of one image, K pairs of a tile and a box.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from yolo.data.tiles import choose_tiles
from yolo.log import progress

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.config.tile_settings import TileSettings
    from yolo.data.index import Index
    from yolo.data.tiles import TileGrid

MIN_VISIBLE = 0.3  # fraction of its area that a tile must show of a box; else the box is ignored there
BACKGROUND_SEED = 0  # of the choice of tiles without boxes, the same in every run


class CutBoxes(NamedTuple):
    """The boxes that the tiles of one image show, tile by tile."""

    tile: npt.NDArray[np.int64]  # (K,), number of the tile
    box: npt.NDArray[np.int64]  # (K,), number of the box in the image
    xyxy: npt.NDArray[np.float64]  # (K, 4), the visible part, pixels of the tile
    visible: npt.NDArray[np.float64]  # (K,), fraction of the area of the box, above 0


def cut_into_tiles(index: Index, grid: TileGrid) -> Index:
    """Return the index of the tiles of all images, image by image.

    A box is cut to the tile. If less than `MIN_VISIBLE` of its area is left, the tile ignores it: it is neither object
    nor background there. Tiles without boxes are at most as many as the others, or have the share that images without
    boxes have in the split; they are drawn evenly from all.

    Args:
        index: of whole images.
        grid: how to cut them.
    """
    tiles = [np.array(grid.split(size), np.int32) for size in map(tuple, index.sizes.tolist())]
    rows = progress(range(len(index)), "cut tiles", unit=" images", delay=1)
    cut = [cut_boxes(index.boxes_xyxy(i), tiles[i]) for i in rows]
    num_tiles = np.array([len(of_image) for of_image in tiles], np.int64)
    image_of_tile = np.repeat(np.arange(len(index)), num_tiles)
    first_tile = np.cumsum(num_tiles) - num_tiles
    windows = np.concatenate([np.zeros((0, 4), np.int32), *tiles])
    tile = np.concatenate([np.zeros(0, np.int64), *(part.tile + n for part, n in zip(cut, first_tile, strict=True))])
    box = np.concatenate(
        [np.zeros(0, np.int64), *(part.box + n for part, n in zip(cut, index.box_ends[:-1], strict=True))]
    )
    visible = np.concatenate([np.zeros(0), *(part.visible for part in cut)])
    counts = np.bincount(tile, minlength=len(windows))
    keep = choose_background(counts, np.diff(index.box_ends))
    image_of_tile, windows, counts = image_of_tile[keep], windows[keep], counts[keep]
    return replace(
        index,
        path_spans=index.path_spans[image_of_tile],
        image_sizes=index.image_sizes[image_of_tile],
        corners=windows[:, :2],
        sizes=windows[:, 2:] - windows[:, :2],
        box_ends=np.cumsum([0, *counts], dtype=np.int64),
        all_boxes_xyxy=np.concatenate([np.zeros((0, 4)), *(part.xyxy for part in cut)]),
        all_class_ids=index.all_class_ids[box],
        all_ignore=index.all_ignore[box] | (visible < MIN_VISIBLE),
        all_areas=index.all_areas[box] * visible,
    )


def cut_as_set(index: Index, settings: TileSettings, input_side: int) -> Index:
    """Return the index of the tiles that settings ask for, or the index itself if they ask for none.

    Args:
        index: of whole images.
        settings: of tiles.
        input_side: of the network input, pixels: the default side of tiles.
    """
    grid = choose_tiles(settings, input_side)
    return index if grid is None else cut_into_tiles(index, grid)


def cut_boxes(boxes_xyxy: npt.NDArray[np.float64], tiles: npt.NDArray[np.int32]) -> CutBoxes:
    """Cut the boxes of an image to its tiles.

    Args:
        boxes_xyxy: (N, 4), pixels of the image, of an area above 0.
        tiles: (T, 4), xyxy, pixels of the image.
    """
    low = np.maximum(boxes_xyxy[None, :, :2], tiles[:, None, :2])
    high = np.minimum(boxes_xyxy[None, :, 2:], tiles[:, None, 2:])
    tile, box = np.nonzero((high > low).all(axis=2))
    xyxy = np.concatenate([low[tile, box], high[tile, box]], axis=1)
    areas = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
    visible = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1) / areas[box]
    return CutBoxes(tile, box, xyxy - np.tile(tiles[tile, :2], 2), visible)


def choose_background(
    boxes_per_tile: npt.NDArray[np.int64], boxes_per_image: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Choose the tiles to train on: all with boxes, and a fair number of the others.

    Args:
        boxes_per_tile: number of boxes in each tile of the split.
        boxes_per_image: number of boxes in each image of the split.

    Returns:
        True for each tile to keep.
    """
    keep = boxes_per_tile > 0
    background = np.flatnonzero(~keep)
    num_with, num_without = int((boxes_per_image > 0).sum()), int((boxes_per_image == 0).sum())
    if num_with:
        allowed = int(max(1.0, num_without / num_with) * keep.sum())
        background = np.random.default_rng(BACKGROUND_SEED).permutation(background)[:allowed]
    keep[background] = True
    return keep
