"""Detect in overlapping tiles of large images, so that small objects are not shrunk away.

The candidate boxes of all tiles, and of the whole image, go through one suppression, so that an object in two tiles is
found once. A box that touches the border of its tile, inside the image, is of an object that the tile truncates: it is
dropped, as another tile, or the whole image, shows all of the object.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from yolo.boxes.detections import Predictions
from yolo.data.collate import collate
from yolo.data.sample import Batch
from yolo.data.tiled_images import tile_items

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from yolo.boxes.detections import Detections
    from yolo.data.sample import Letterbox
    from yolo.data.tiles import TileGrid
    from yolo.inference.detector import Detector

BORDER_FRACTION = 0.01  # of a tile's side: a box that ends this near to the border touches it
ROUNDING = 1e-3  # pixels of the network input


class TiledDetector:
    """Detect objects in whole images, given the tiles of each.

    Args:
        detector: runs on the tiles.
        batch_size: tiles per batch of the network.
    """

    def __init__(self, detector: Detector, batch_size: int) -> None:
        self.model = detector.model
        self._detector = detector
        self._batch_size = batch_size

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> list[Detections]:
        """Return the detections in each image whose tiles a batch holds (`tile_batch`), in pixels of the image."""
        found: dict[int, list[tuple[Tensor, Tensor]]] = {image_id: [] for image_id in batch.distinct_ids}
        for start in range(0, len(batch), self._batch_size):
            part = slice(start, start + self._batch_size)
            images = batch.images[part]
            predictions = self._detector.predict(replace(batch, images=images))
            for image_id, letterbox, boxes_xyxy, scores_NC in zip(
                batch.image_ids[part],
                batch.letterboxes[part],
                predictions.boxes_xyxy,
                predictions.scores,
                strict=True,
            ):
                likely = (scores_NC > self._detector.nms.score_threshold).any(1)
                kept = likely & ~is_truncated(boxes_xyxy, letterbox, images.shape[2:])
                found[image_id].append((letterbox.to_image(boxes_xyxy[kept]), scores_NC[kept]))
        return [self._merge(tiles) for tiles in found.values()]

    def _merge(self, tiles: list[tuple[Tensor, Tensor]]) -> Detections:
        boxes, scores = zip(*tiles, strict=True)
        (detections,) = self._detector.suppress(Predictions(torch.cat(boxes)[None], torch.cat(scores)[None]))
        return detections


def tile_batch(image: npt.NDArray[np.uint8], grid: TileGrid, size: int) -> Batch:
    """Return the tiles of an image (H, W, 3), BGR, in network inputs of a size, as one batch."""
    batch = collate(tile_items(image, grid, size, image_id=0))
    assert isinstance(batch, Batch)
    return batch


def is_truncated(boxes_xyxy: Tensor, letterbox: Letterbox, input_hw: Sequence[int]) -> Tensor:
    """Return (K,) bool: True for boxes that touch a border of their tile inside the image.

    Args:
        boxes_xyxy: (K, 4), pixels of the network input that shows the tile.
        letterbox: position of the whole image in this input; it may reach outside.
        input_hw: height and width of the input.
    """
    height, width = input_hw
    left, top, right, bottom = boxes_xyxy.unbind(1)
    truncated = torch.zeros_like(left, dtype=torch.bool)
    if letterbox.left < 0:
        truncated |= left < BORDER_FRACTION * width
    if letterbox.top < 0:
        truncated |= top < BORDER_FRACTION * height
    if letterbox.left + letterbox.width * letterbox.scale_x > width + ROUNDING:
        truncated |= right > (1 - BORDER_FRACTION) * width
    if letterbox.top + letterbox.height * letterbox.scale_y > height + ROUNDING:
        truncated |= bottom > (1 - BORDER_FRACTION) * height
    return truncated
