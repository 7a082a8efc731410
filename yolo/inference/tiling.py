"""Detect in overlapping tiles of large images, so that small objects are not shrunk away.

The candidate boxes of all tiles, and of the whole image, go through one suppression, so that an object in two tiles is
found once. A box that touches the border of its tile, inside the image, is of an object that the tile truncates: it is
dropped, as another tile, or the whole image, shows all of the object.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import torch

from yolo.boxes.detections import Predictions
from yolo.inference.detector import letterbox_batch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from yolo.boxes.detections import Detections
    from yolo.inference.detector import Detector

BORDER_FRACTION = 0.01  # of a tile's side: a box that ends this near to the border touches it


class Tile(NamedTuple):
    """A rectangle of an image, pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def crop(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the tile's pixels."""
        return image[self.top : self.bottom, self.left : self.right]


def split_into_tiles(image_wh: tuple[int, int], side: int, overlap: float) -> list[Tile]:
    """Return equal tiles that cover an image, row by row; if there are several, the whole image comes first.

    Args:
        image_wh: width and height, pixels.
        side: of a tile, pixels; a smaller image is one tile.
        overlap: minimum overlap of neighbouring tiles as a fraction of the side, from 0 to below 1.
    """
    width, height = image_wh
    columns, rows = _tile_starts(width, side, overlap), _tile_starts(height, side, overlap)
    tiles = [Tile(x, y, min(x + side, width), min(y + side, height)) for y in rows for x in columns]
    return tiles if len(tiles) == 1 else [Tile(0, 0, width, height), *tiles]


@torch.inference_mode()
def detect_in_tiles(
    detector: Detector, image: npt.NDArray[np.uint8], *, side: int, overlap: float, batch_size: int
) -> Detections:
    """Return the detections in an image of any size, in its pixels.

    Args:
        detector: runs on each tile.
        image: (H, W, 3), BGR.
        side: of a tile, and of the network input, pixels.
        overlap: of neighbouring tiles, as a fraction of the side; objects up to this size are whole in some tile.
        batch_size: tiles per batch.
    """
    image_wh = (image.shape[1], image.shape[0])
    tiles = iter(split_into_tiles(image_wh, side, overlap))
    boxes, scores = [], []
    while chunk := list(itertools.islice(tiles, batch_size)):
        batch = letterbox_batch([tile.crop(image) for tile in chunk], (side, side))
        predictions = detector.predict(batch)
        for tile, letterbox, boxes_xyxy, scores_NC in zip(
            chunk, batch.letterboxes, predictions.boxes_xyxy, predictions.scores, strict=True
        ):
            likely = (scores_NC > detector.nms.score_threshold).any(1)
            tile_xyxy = letterbox.to_image(boxes_xyxy[likely])
            whole = ~is_truncated(tile_xyxy, tile, image_wh)
            boxes.append(tile_xyxy[whole] + tile_xyxy.new_tensor([tile.left, tile.top] * 2))
            scores.append(scores_NC[likely][whole])
    (detections,) = detector.suppress(Predictions(torch.cat(boxes)[None], torch.cat(scores)[None]))
    return detections


def is_truncated(boxes_xyxy: Tensor, tile: Tile, image_wh: tuple[int, int]) -> Tensor:
    """Return (K,) bool: True for boxes, pixels of the tile, that touch a border of the tile inside the image."""
    width, height = tile.right - tile.left, tile.bottom - tile.top
    left, top, right, bottom = boxes_xyxy.unbind(1)
    truncated = torch.zeros_like(left, dtype=torch.bool)
    if tile.left > 0:
        truncated |= left < BORDER_FRACTION * width
    if tile.top > 0:
        truncated |= top < BORDER_FRACTION * height
    if tile.right < image_wh[0]:
        truncated |= right > (1 - BORDER_FRACTION) * width
    if tile.bottom < image_wh[1]:
        truncated |= bottom > (1 - BORDER_FRACTION) * height
    return truncated


def _tile_starts(length: int, side: int, overlap: float) -> list[int]:
    """Return the start of each tile along an axis: evenly spread, the last tile ending at the end."""
    if length <= side:
        return [0]
    count = math.ceil((length - side) / (side * (1 - overlap))) + 1
    return [round(number * (length - side) / (count - 1)) for number in range(count)]
