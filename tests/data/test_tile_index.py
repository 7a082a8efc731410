"""Tiles of 64 pixels, overlap a half: an image of 128 x 64 pixels has the whole image and tiles at x 0, 32 and 64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.data.painting import assert_boxes_on_pixels, index_of, paint
from yolo.config.augment_settings import AugmentSettings
from yolo.data.cache.ram import RamCache
from yolo.data.cache.slots import Slots
from yolo.data.dataset import DetectionDataset, Item
from yolo.data.index import Index, Record
from yolo.data.tile_index import choose_background, cut_into_tiles
from yolo.data.tiles import TileGrid

GRID = TileGrid(64, 0.5)
PLAIN = AugmentSettings(hsv_h=0, hsv_s=0, hsv_v=0, fliplr=0, mosaic=0)


def index_with(*boxes_xyxy: tuple[int, int, int, int], ignore: bool = False) -> Index:
    boxes = np.array(boxes_xyxy, float).reshape(-1, 4)
    ids, flags = np.arange(len(boxes)), np.full(len(boxes), ignore)
    return Index.from_records([str(n) for n in range(6)], [Record(Path("a.png"), 128, 64, boxes, ids, flags)])


def test_tiles_are_images_of_the_index() -> None:
    index = cut_into_tiles(index_with((0, 0, 128, 64)), GRID)
    assert [index.tile(i) for i in range(4)] == [(0, 0, 128, 64), (0, 0, 64, 64), (32, 0, 96, 64), (64, 0, 128, 64)]
    assert [index.size(i) for i in range(4)] == [(128, 64), (64, 64), (64, 64), (64, 64)]
    assert {(index.path(i), index.image_size(i)) for i in range(4)} == {(Path("a.png"), (128, 64))}
    assert list(index.of_same_file(2)) == [0, 1, 2, 3]


def test_boxes_are_cut_ignored_or_dropped() -> None:
    # Of a box at x 20..60 (40 wide), tile x 0..64 shows all, x 32..96 28 of 40 pixels, x 64..128 nothing;
    # of a box at x 60..80 (20 wide), they show 4 of 20 (a fifth: ignored), all, and 16 of 20.
    index = cut_into_tiles(index_with((20, 8, 60, 24), (60, 30, 80, 40)), GRID)
    rows = [
        list(zip(index.boxes_xyxy(i).tolist(), index.class_ids(i).tolist(), index.ignore(i).tolist(), strict=True))
        for i in range(4)
    ]
    assert rows == [
        [([20, 8, 60, 24], 0, False), ([60, 30, 80, 40], 1, False)],
        [([20, 8, 60, 24], 0, False), ([60, 30, 64, 40], 1, True)],
        [([0, 8, 28, 24], 0, False), ([28, 30, 48, 40], 1, False)],
        [([0, 30, 16, 40], 1, False)],
    ]
    areas = index.all_areas[index.box_ends[2] : index.box_ends[3]]
    assert areas.tolist() == pytest.approx([28 * 16, 200])


def test_a_region_to_ignore_stays_one() -> None:
    assert cut_into_tiles(index_with((0, 0, 128, 64), ignore=True), GRID).all_ignore.all()


@pytest.mark.parametrize(
    ("boxes_per_tile", "boxes_per_image", "num_background"),
    [
        ([2, 1, 0, 0, 0, 0, 0], [3], 2),  # as many as tiles with boxes
        ([2, 1, 0], [3], 1),  # all there are
        ([2, 0, 0, 0, 0, 0, 0], [2, 0, 0, 0], 3),  # three images of four have no boxes, and so have the tiles
        ([0, 0, 0], [0], 3),
    ],
)
def test_background_is_kept_in_proportion(
    boxes_per_tile: list[int], boxes_per_image: list[int], num_background: int
) -> None:
    counts = np.array(boxes_per_tile)
    keep = choose_background(counts, np.array(boxes_per_image))
    assert keep[counts > 0].all()
    assert keep[counts == 0].sum() == num_background
    assert (choose_background(counts, np.array(boxes_per_image)) == keep).all()  # the same in every process


def test_dropped_tiles_leave_the_boxes_of_others(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((256, 64), [(0, 0, 10, 10)]), paint((256, 64), [(240, 0, 256, 10)])])
    kept = cut_into_tiles(index, GRID)
    assert len(kept) == 8  # of 16
    tiles = [(kept.path(i).name, kept.tile(i)) for i in range(8) if len(kept.class_ids(i))]
    assert tiles == [
        ("0.png", (0, 0, 256, 64)),
        ("0.png", (0, 0, 64, 64)),
        ("1.png", (0, 0, 256, 64)),
        ("1.png", (192, 0, 256, 64)),
    ]


@pytest.mark.parametrize("num_cached", [0, 3, 4])
def test_training_reads_the_pixels_of_the_tile(tmp_path: Path, num_cached: int) -> None:
    boxes = [(4, 4, 30, 40), (40, 10, 60, 50), (70, 8, 90, 30), (100, 20, 124, 60)]
    index = cut_into_tiles(index_of(tmp_path, [paint((128, 64), boxes)]), GRID)
    cache = RamCache(Slots(index.sizes, 64), num_cached) if num_cached else None
    data = DetectionDataset(index=index, size=64, augment=PLAIN, seed=1, cache=cache)
    for i in (3, 0, 1, 2, 3):
        item = data[(0, i)]
        assert isinstance(item, Item)
        assert item.sample.image.shape == (64, 64, 3)
        assert len(item.sample.class_ids) == (4 if i == 0 else 2)
        assert_boxes_on_pixels(item.sample, tolerance=1.01)


def test_a_file_is_decoded_once_for_all_its_tiles(tmp_path: Path) -> None:
    index = cut_into_tiles(index_of(tmp_path, [paint((128, 64), [(4, 4, 30, 40)])] * 2), GRID)
    cache = RamCache(Slots(index.sizes, 64), len(index))
    data = DetectionDataset(index=index, size=64, augment=PLAIN, seed=1, cache=cache)
    second_file = index.of_same_file(len(index) - 1)
    data.resized(second_file[1])
    assert [i for i in range(len(index)) if cache.get(i) is not None] == list(second_file)
