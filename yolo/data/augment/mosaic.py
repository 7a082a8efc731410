"""Mosaic: four or nine images in one training input.

Axes: N boxes. The canvas has 2 w x 2 h pixels for an input of w x h.
Source of the mosaic of four: the recipe of the PyTorch YOLOv3 trainers of 2018 to 2020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.data.augment.geometry import random_transform, shift_matrix, transforms_images, visible_window, warp
from yolo.data.sample import Sample
from yolo.data.transforms import FILL, place_boxes, scaled_size, stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from yolo.config.augment_settings import AugmentSettings

TILES_IN_MOSAIC4 = 4
TILES_IN_MOSAIC9 = 9
Corner = tuple[int, int]  # left and top of a tile on the canvas


def random_mosaic(
    tiles: Sequence[Sample], size_wh: tuple[int, int], rng: np.random.Generator, augment: AugmentSettings
) -> Sample:
    """Put four or nine images on the canvas around a random point, transform it randomly, and cut out its centre.

    Args:
        tiles: four or nine samples whose longer side equals that of the input; they may have no boxes.
        size_wh: of the input.
        rng: draws the point and the transform.
        augment: gives the ranges of the transform.

    Returns:
        The sample of w x h pixels.
    """
    if len(tiles) == TILES_IN_MOSAIC9:
        tiles = [_resize_to_cell(tile, size_wh) for tile in tiles]
        corners = _nine_corners(tiles, size_wh, rng)
    else:
        corners = _four_corners(tiles, size_wh, rng)
    canvas_wh = (2 * size_wh[0], 2 * size_wh[1])
    matrix = random_transform(rng, augment, canvas_wh, size_wh)
    if transforms_images(augment):
        window = visible_window(matrix, canvas_wh, size_wh)
    else:  # only cut out the centre, at whole pixels even if the input has an odd side, so that nothing is resampled
        left, top = size_wh[0] // 2, size_wh[1] // 2
        window = (left, top, left + size_wh[0], top + size_wh[1])
        matrix = shift_matrix(-left, -top)
    drawn = compose(tiles, corners, window, canvas_wh)
    return warp(drawn, matrix @ shift_matrix(*window[:2]), size_wh)


def compose(
    tiles: Sequence[Sample],
    corners: Sequence[Corner],
    window: tuple[int, int, int, int],
    canvas_wh: tuple[int, int],
) -> Sample:
    """Draw a window of the canvas.

    Args:
        tiles: the images on the canvas, which do not overlap.
        corners: position of each tile.
        window: x1, y1, x2, y2, pixels of the canvas.
        canvas_wh: size of the canvas.

    Returns:
        The window, with boxes in its pixels, clipped to the canvas; they may exceed the window.
    """
    x1, y1, x2, y2 = window
    image = np.full((y2 - y1, x2 - x1, 3), FILL, np.uint8)
    for tile, (left, top) in zip(tiles, corners, strict=True):
        _paste(image, tile.image, left - x1, top - y1)
    moved = [tile.boxes_xyxy + np.array(corner * 2, np.float32) for tile, corner in zip(tiles, corners, strict=True)]
    clipped = np.clip(np.concatenate(moved), 0, canvas_wh * 2) - np.array([x1, y1, x1, y1])
    return Sample(image, clipped.astype(np.float32), np.concatenate([tile.class_ids for tile in tiles]))


def _four_corners(tiles: Sequence[Sample], size_wh: tuple[int, int], rng: np.random.Generator) -> list[Corner]:
    """Place tiles top left, top right, bottom left and bottom right of a point in the central half of the canvas."""
    sides = np.array(size_wh)
    x, y = rng.uniform(0.5 * sides, 1.5 * sides).astype(int).tolist()
    corners = []
    for number, tile in enumerate(tiles):
        height, width = tile.image.shape[:2]
        corners.append((x - (width if number % 2 == 0 else 0), y - (height if number < 2 else 0)))
    return corners


def _nine_corners(tiles: Sequence[Sample], size_wh: tuple[int, int], rng: np.random.Generator) -> list[Corner]:
    """Place tiles in a grid of three rows of three cells, which is shifted a little from the centre of the canvas.

    A tile that is smaller than its cell is placed at the side of the cell that faces the centre.
    """
    cell_wh = _cell_wh(size_wh)
    origin = np.array(size_wh) - 1.5 * np.array(cell_wh) + rng.uniform(-1 / 8, 1 / 8, 2) * size_wh
    corners = []
    for number, tile in enumerate(tiles):
        spare_wh = np.array(cell_wh) - tile.image.shape[1::-1]
        cell = np.array([number % 3, number // 3])
        left, top = cell * cell_wh + spare_wh * (2 - cell) / 2 + origin
        corners.append((round(left), round(top)))
    return corners


def _resize_to_cell(tile: Sample, size_wh: tuple[int, int]) -> Sample:
    height, width = tile.image.shape[:2]
    cell_wh = _cell_wh(size_wh)
    image, position = stretch(tile.image, scaled_size(width, height, min(cell_wh[0] / width, cell_wh[1] / height)))
    return Sample(image, place_boxes(tile.boxes_xyxy, position), tile.class_ids)


def _cell_wh(size_wh: tuple[int, int]) -> tuple[int, int]:
    return max(1, size_wh[0] // 2), max(1, size_wh[1] // 2)


def _paste(canvas: npt.NDArray[np.uint8], image: npt.NDArray[np.uint8], left: int, top: int) -> None:
    height, width = image.shape[:2]
    rows = slice(max(top, 0), max(min(top + height, canvas.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + width, canvas.shape[1]), 0))
    if rows.start < rows.stop and columns.start < columns.stop:
        canvas[rows, columns] = image[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
