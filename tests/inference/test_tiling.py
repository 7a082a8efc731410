from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.spots import BLUE, RED, paint, spot_model
from yolo.boxes.detections import Detections
from yolo.boxes.nms import NmsSettings
from yolo.data.collate import collate
from yolo.data.sample import Batch, Letterbox
from yolo.data.tiled_images import tile_items
from yolo.data.tiles import TileGrid
from yolo.inference.detector import Detector
from yolo.inference.tiling import TiledDetector, is_truncated, tile_batch


def detect(image: npt.NDArray[np.uint8], grid: TileGrid, size: int, batch_size: int = 50) -> Detections:
    detector = Detector(spot_model(), NmsSettings(score_threshold=0.25, iou_threshold=0.45))
    (found,) = TiledDetector(detector, batch_size)(tile_batch(image, grid, size))
    return found


def test_every_spot_of_a_large_image_is_found_once_at_its_position() -> None:
    # Some lie across borders of tiles, which are at multiples of 48; they are whole in one to four tiles.
    spots = [(0, 0, RED), (40, 40, RED), (56, 8, RED), (96, 104, BLUE), (312, 200, RED), (632, 632, BLUE)]
    image = paint((640, 640), spots)
    found = detect(image, TileGrid(64, 0.25), 64)
    rows = sorted((*box, class_id) for box, class_id in zip(found.xyxy.tolist(), found.class_id.tolist(), strict=True))
    assert rows == [(x, y, x + 8, y + 8, c) for x, y, c in sorted(spots)]


def test_small_image_is_one_tile() -> None:
    found = detect(paint((64, 64), [(8, 16, RED)]), TileGrid(64, 0.25), 64)
    assert found.xyxy.tolist() == [[8, 16, 16, 24]]


def test_tiles_of_another_size_are_scaled_to_the_input() -> None:
    # Spots of 4 x 4 pixels in tiles of 32 pixels are spots of 8 x 8 in the input.
    large = paint((256, 192), [(16, 8, RED), (200, 120, BLUE)])
    image = np.asarray(cv2.resize(large, (128, 96), interpolation=cv2.INTER_NEAREST), np.uint8)
    found = detect(image, TileGrid(32, 0.5), 64, batch_size=7)
    of_tiles = [box for box in found.xyxy.tolist() if box[2] - box[0] == 4]  # cells of the whole image are larger
    assert sorted(of_tiles) == [[8, 4, 12, 8], [100, 60, 104, 64]]


def test_a_batch_of_tiles_of_several_images_gives_the_detections_of_each() -> None:
    images = [paint((96, 64), [(8 * n, 16, RED)]) for n in (1, 2)]
    batch = collate([item for n, image in enumerate(images) for item in tile_items(image, TileGrid(64, 0.5), 64, n)])
    assert isinstance(batch, Batch)
    assert (len(batch), batch.distinct_ids) == (6, (0, 1))  # the whole image, and tiles at 0 and 32
    detector = Detector(spot_model(), NmsSettings(score_threshold=0.25, iou_threshold=0.45))
    found = TiledDetector(detector, 4)(batch)
    of_tiles = [[box for box in one.xyxy.tolist() if box[2] - box[0] == 8] for one in found]
    assert of_tiles == [[[8, 16, 16, 24]], [[16, 16, 24, 24]]]


@pytest.mark.parametrize(
    ("box", "truncated"),
    [
        ([10, 10, 50, 50], False),  # inside
        ([0, 10, 50, 50], False),  # at the left border, which is also the image's
        ([10, 0, 50, 50], True),  # at the top border, above which the image continues
        ([10, 10, 99.5, 50], True),  # nearly at the right border
        ([10, 10, 50, 100], False),  # at the bottom border, which is also the image's
    ],
)
def test_boxes_that_touch_inner_borders_are_truncated(box: list[float], truncated: bool) -> None:
    # An image of 300 x 200 pixels, of which the input shows x 0..100 and y 100..200.
    in_input = Letterbox(1, 1, 0, -100, 300, 200)
    assert is_truncated(torch.tensor([box]).float(), in_input, (100, 100)).tolist() == [truncated]
