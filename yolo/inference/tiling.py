"""Large images in overlapping tiles, so that small objects are not shrunk away.

Every tile, and the whole image, gives its candidate boxes; one suppression goes over all of them, so that what two
tiles see is found once. A box that ends where its tile does, inside the image, is of an object that the tile cuts:
it is left to the tile that shows all of the object, or to the view of the whole image.
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

EDGE = 0.01  # of a tile's side: how near its border a box must end to count as cut


class Tile(NamedTuple):
    """A part of an image, pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The pixels."""
        return image[self.top : self.bottom, self.left : self.right]


def tiles(image_wh: tuple[int, int], side: int, overlap: float) -> list[Tile]:
    """Equal tiles that cover an image, row by row, and the whole image first if it is more than one tile.

    Args:
        image_wh: width and height, pixels.
        side: of a tile, pixels; a smaller image is one tile.
        overlap: of neighbours, at least, as a part of the side, from 0 to below 1.
    """
    width, height = image_wh
    columns, rows = _starts(width, side, overlap), _starts(height, side, overlap)
    found = [Tile(x, y, min(x + side, width), min(y + side, height)) for y in rows for x in columns]
    return found if len(found) == 1 else [Tile(0, 0, width, height), *found]


@torch.inference_mode()
def detect_in_tiles(
    detector: Detector, image: npt.NDArray[np.uint8], *, side: int, overlap: float, batch_size: int
) -> Detections:
    """Detections of an image of any size, in its own pixels.

    Args:
        detector: with its thresholds.
        image: (H, W, 3), BGR.
        side: of a tile, and of the network input, pixels.
        overlap: of neighbours, as a part of the side; objects up to this size are whole in some tile.
        batch_size: tiles at once.
    """
    size_wh = (image.shape[1], image.shape[0])
    parts = iter(tiles(size_wh, side, overlap))
    boxes, scores = [], []
    while chunk := list(itertools.islice(parts, batch_size)):
        batch = letterbox_batch([tile.of(image) for tile in chunk], (side, side))
        found = detector.predict(batch)
        for tile, placing, boxes_xyxy, scores_NC in zip(
            chunk, batch.letterboxes, found.boxes_xyxy, found.scores, strict=True
        ):
            likely = (scores_NC > detector.nms.score_threshold).any(1)
            inside = placing.to_image(boxes_xyxy[likely])
            whole = ~is_cut(inside, tile, size_wh)
            boxes.append(inside[whole] + inside.new_tensor([tile.left, tile.top] * 2))
            scores.append(scores_NC[likely][whole])
    (detections,) = detector.suppress(Predictions(torch.cat(boxes)[None], torch.cat(scores)[None]))
    return detections


def is_cut(boxes_xyxy: Tensor, tile: Tile, image_wh: tuple[int, int]) -> Tensor:
    """(K,) bool: which boxes, pixels of the tile, end at a border of it that is none of the image."""
    width, height = tile.right - tile.left, tile.bottom - tile.top
    left, top, right, bottom = boxes_xyxy.unbind(1)
    cut = torch.zeros_like(left, dtype=torch.bool)
    if tile.left > 0:
        cut |= left < EDGE * width
    if tile.top > 0:
        cut |= top < EDGE * height
    if tile.right < image_wh[0]:
        cut |= right > (1 - EDGE) * width
    if tile.bottom < image_wh[1]:
        cut |= bottom > (1 - EDGE) * height
    return cut


def _starts(length: int, side: int, overlap: float) -> list[int]:
    """Where tiles begin along an axis: evenly spread, the last one ending at the end."""
    if length <= side:
        return [0]
    count = math.ceil((length - side) / (side * (1 - overlap))) + 1
    return [round(number * (length - side) / (count - 1)) for number in range(count)]
