"""Four pictures in one training input.

Axes: N boxes. The canvas is 2 s x 2 s pixels for an input of s x s. Source: as `transforms.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.data.sample import Sample
from yolo.data.transforms import FILL, Augment, place_boxes, random_affine, scaled_size, stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

NUM_TILES = 4


def random_mosaic(tiles: Sequence[Sample], size: int, rng: np.random.Generator, augment: Augment) -> Sample:
    """Put four pictures around a random point of the canvas, and cut the middle of it out.

    Args:
        tiles: four samples of `to_longer_side(sample, size)`; any may be without boxes.
        size: side s of the input, pixels.
        rng: draws the point, in the middle half of the canvas, and the affine change.
        augment: gives the ranges of the affine change.

    Returns:
        The sample of s x s pixels.
    """
    centre_x, centre_y = (int(c) for c in rng.uniform(0.5 * size, 1.5 * size, 2))
    moves = augment.degrees or augment.translate or augment.scale or augment.shear
    margin = 0 if moves else size // 2  # of the canvas, on each side, that would be cut off unseen
    window = size if not moves else 2 * size
    mosaic = compose(tiles, (centre_x - margin, centre_y - margin), window, margin)
    return random_affine(mosaic, rng, augment, (size, size))


def to_longer_side(sample: Sample, size: int) -> Sample:
    """Resize so that the longer side has `size` pixels."""
    height, width = sample.image.shape[:2]
    image, placing = stretch(sample.image, scaled_size(width, height, size / max(width, height)))
    return Sample(image, place_boxes(sample.boxes_xyxy, placing), sample.class_ids)


def compose(tiles: Sequence[Sample], centre: tuple[int, int], window: int, margin: int) -> Sample:
    """Draw a square window of the canvas.

    Args:
        tiles: top left, top right, bottom left, bottom right; each has a corner at the centre.
        centre: x and y in the window, pixels.
        window: side of the window, pixels.
        margin: how much wider the canvas is than the window, on each side; boxes are clipped to the canvas.

    Returns:
        The window; its boxes may reach into the margin.
    """
    image = np.full((window, window, 3), FILL, np.uint8)
    boxes_xyxy = []
    for number, tile in enumerate(tiles):
        height, width = tile.image.shape[:2]
        left = centre[0] - (width if number % 2 == 0 else 0)
        top = centre[1] - (height if number < NUM_TILES // 2 else 0)
        _paste(image, tile.image, left, top)
        boxes_xyxy.append(tile.boxes_xyxy + np.array([left, top, left, top], np.float32))
    clipped = np.clip(np.concatenate(boxes_xyxy), -margin, window + margin)
    return Sample(image, clipped, np.concatenate([tile.class_ids for tile in tiles]))


def _paste(canvas: npt.NDArray[np.uint8], image: npt.NDArray[np.uint8], left: int, top: int) -> None:
    height, width = image.shape[:2]
    rows = slice(max(top, 0), min(top + height, canvas.shape[0]))
    columns = slice(max(left, 0), min(left + width, canvas.shape[1]))
    canvas[rows, columns] = image[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
