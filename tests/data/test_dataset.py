import pickle
import random
from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.data.painting import COLOURS, assert_boxes_on_pixels, index_of, paint
from yolo.config.augment_settings import AugmentSettings
from yolo.data.cache.ram import RamCache
from yolo.data.cache.slots import Slots
from yolo.data.dataset import DetectionDataset, Item
from yolo.data.decode import read_image
from yolo.data.index import Index, Record
from yolo.data.loader import build_loader
from yolo.data.sample import IGNORE, Key, Sample
from yolo.data.transforms import resize
from yolo.errors import DataError

BOXES = [(10, 8, 60, 30), (70, 40, 90, 75)]
COLOURLESS = AugmentSettings(hsv_h=0, hsv_s=0, hsv_v=0, fliplr=0)


def dataset(
    index: Index,
    augment: AugmentSettings | None = None,
    size: int = 64,
    fit: Literal["letterbox", "stretch"] = "letterbox",
) -> DetectionDataset:
    return DetectionDataset(index=index, size=size, augment=augment, seed=1, fit=fit)


def item(data: DetectionDataset, key: tuple[int, ...]) -> Item:
    found = data[key]
    assert isinstance(found, Item)
    return found


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_evaluation_input_maps_back_to_the_image(tmp_path: Path, fit: Literal["letterbox", "stretch"]) -> None:
    data = dataset(index_of(tmp_path, [paint((100, 80), BOXES)]), fit=fit)
    plain = item(data, (0, 0))
    assert plain.image_id == 0
    assert plain.sample.image.shape == (64, 64, 3)
    assert plain.letterbox is not None
    assert plain.letterbox.scale_y == pytest.approx({"letterbox": 0.64, "stretch": 0.8}[fit], abs=0.005)
    assert_boxes_on_pixels(plain.sample, tolerance=1.01)
    back = plain.letterbox.to_image(torch.from_numpy(plain.sample.boxes_xyxy))
    np.testing.assert_allclose(back, BOXES, atol=1e-4)


def test_training_boxes_lie_on_the_pixels(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((120, 90), [(30, 20, 90, 70), (5, 5, 25, 60)])])
    data = dataset(index, replace(COLOURLESS, mosaic=0, fliplr=0.5, flipud=0.5), size=96)
    corners = set()
    for epoch in range(40):
        found = item(data, (epoch, 0))
        assert found.letterbox is None
        assert found.sample.class_ids.tolist() == [0, 1]
        assert_boxes_on_pixels(found.sample, tolerance=1.01)
        corners.add(tuple(found.sample.boxes_xyxy[1].tolist()))
    assert len(corners) == 4  # each way to flip


def test_mosaic_boxes_hold_their_objects(tmp_path: Path) -> None:
    # Objects fill their boxes, and two images with different ones may come more than once.
    second = paint((90, 120), [(0, 0, 0, 0), (30, 30, 70, 80)])
    second = Sample(second.image, second.boxes_xyxy[1:], second.class_ids[1:])
    data = dataset(index_of(tmp_path, [paint((120, 90), [(30, 20, 90, 70)]), second]), COLOURLESS, size=96)
    num_boxes = 0
    for epoch in range(20):
        sample = item(data, (epoch, epoch % 2)).sample
        for box, class_id in zip(sample.boxes_xyxy, sample.class_ids, strict=True):
            x1, y1, x2, y2 = np.rint(box).astype(int)
            inside = sample.image[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1]
            assert (np.abs(inside.astype(int) - COLOURS[class_id]) <= 2).all()
            num_boxes += 1
    assert num_boxes > 25


def test_a_sample_is_a_function_of_seed_epoch_and_index(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((100, 80), BOXES[: n % 3]) for n in range(5)])
    data = dataset(index, AugmentSettings())
    item(data, (2, 4))
    first = item(data, (7, 3)).sample
    again = item(dataset(index, AugmentSettings()), (7, 3)).sample
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.boxes_xyxy, again.boxes_xyxy)
    assert not np.array_equal(first.image, item(data, (8, 3)).sample.image)
    other_seed = DetectionDataset(index=index, size=64, augment=AugmentSettings(), seed=2)
    assert not np.array_equal(first.image, item(other_seed, (7, 3)).sample.image)


def test_a_spawned_worker_can_have_it(tmp_path: Path) -> None:
    data = dataset(index_of(tmp_path, [paint((100, 80), BOXES)]), AugmentSettings())
    copy = pickle.loads(pickle.dumps(data))  # noqa: S301 (what spawning does)
    assert np.array_equal(item(copy, (0, 0)).sample.image, item(data, (0, 0)).sample.image)


def test_the_other_tiles_come_from_the_whole_index(tmp_path: Path) -> None:
    flat = [np.full((20, 20, 3), 10 * n, np.uint8) for n in range(1, 9)]
    empty = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    data = dataset(index_of(tmp_path, [Sample(image, *empty) for image in flat]), COLOURLESS)
    seen = set()
    for epoch in range(30):
        seen |= set(np.unique(item(data, (epoch, 0)).sample.image).tolist())
    assert seen == {10 * n for n in range(1, 9)}
    assert item(data, (3, 5)).image_id == 5


def test_ignored_boxes_have_no_class_but_stay(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((100, 80), BOXES)], ignore=[[True, False]])
    plain = item(dataset(index), (0, 0)).sample
    assert plain.class_ids.tolist() == [IGNORE, 1]
    np.testing.assert_allclose(plain.boxes_xyxy[0], np.array(BOXES[0]) * 0.64 + [0, 6, 0, 6], atol=1)
    assert item(dataset(index, AugmentSettings(mosaic=0)), (0, 0)).sample.class_ids.tolist() == [IGNORE, 1]
    mosaic = item(dataset(index, COLOURLESS), (3, 0)).sample
    assert set(mosaic.class_ids.tolist()) == {IGNORE, 1}


def test_mosaics_end_when_told(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((60, 60), BOXES[:1])])
    data = DetectionDataset(index=index, size=64, augment=COLOURLESS, seed=0, mosaic_epochs=2)
    plain = item(dataset(index), (0, 0)).sample.image
    same = [np.array_equal(item(data, (epoch, 0)).sample.image, plain) for epoch in range(4)]
    assert same == [False, False, True, True]


def test_rectangular_inputs_map_back_to_the_image(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((100, 80), BOXES), paint((80, 100), [(10, 8, 60, 30)])])
    sizes = np.array([(64, 56), (56, 64)], np.int32)
    for augment in (None, replace(COLOURLESS, mosaic=0)):
        data = DetectionDataset(index=index, size=64, augment=augment, seed=0, input_sizes=sizes)
        for i, (width, height) in enumerate(sizes.tolist()):
            found = item(data, (0, i))
            assert found.sample.image.shape == (height, width, 3)
            assert_boxes_on_pixels(found.sample, tolerance=1.01)
    position = item(DetectionDataset(index=index, size=64, augment=None, seed=0, input_sizes=sizes), (0, 0)).letterbox
    assert position is not None
    assert (position.left, position.top) == (0, 2)  # 64 x 51 in 64 x 56


def test_what_draws_from_the_global_generators_repeats_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of(tmp_path, [paint((60, 60), [])])
    drawn = []

    def draw(path: Path, listed: tuple[int, int], longer_side: int) -> npt.NDArray[np.uint8]:
        del listed, longer_side
        drawn.append((random.random(), np.random.rand(), torch.rand(1).item()))  # noqa: NPY002
        return read_image(path)

    monkeypatch.setattr("yolo.data.dataset.read_indexed_image", draw)
    data = DetectionDataset(index=index, size=64, augment=replace(COLOURLESS, mosaic=0), seed=0)
    for key in (Key(0, 0), Key(1, 0), Key(0, 0, 1), Key(0, 0)):
        data.__getitems__([key])
    assert drawn[0] == drawn[3]
    assert len({number for numbers in drawn for number in numbers}) == 9


def test_an_image_drawn_twice_in_an_epoch_is_varied_twice(tmp_path: Path) -> None:
    data = dataset(index_of(tmp_path, [paint((60, 60), BOXES[:1])]), AugmentSettings())
    first, second = (item(data, Key(0, 0, repeat)).sample.image for repeat in (0, 1))
    assert not np.array_equal(first, second)


def test_images_without_boxes_and_with_a_thousand(tmp_path: Path) -> None:
    grid = [(x, y, x + 6, y + 6) for x in range(0, 400, 8) for y in range(0, 160, 8)]
    index = index_of(tmp_path, [paint((400, 400), []), paint((400, 400), grid)])
    for augment in (None, AugmentSettings(mosaic=0)):
        data = dataset(index, augment, size=400)
        assert item(data, (0, 0)).sample.boxes_xyxy.shape == (0, 4)
        assert len(item(data, (0, 1)).sample.boxes_xyxy) == 1000


@pytest.mark.parametrize(
    "augment", [AugmentSettings(), AugmentSettings(mosaic=0), AugmentSettings(mosaic9=0.5, mixup=0.5, jitter=0.1)]
)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_cache_changes_no_pixel_and_no_box(tmp_path: Path, augment: AugmentSettings, workers: int) -> None:
    images = [paint(size, BOXES) for size in ((100, 80), (90, 130), (64, 64), (300, 171))]
    index = index_of(tmp_path, images)
    cached = DetectionDataset(index=index, size=64, augment=augment, seed=1, cache=RamCache(Slots(index.sizes, 64), 3))
    loaders = [
        build_loader(data, batch_size=2, workers=workers, order="shuffled", seed=1)
        for data in (dataset(index, augment), cached)
    ]
    for epoch in range(3):
        for loader in loaders:
            loader.set_epoch(epoch, {})
        for plain, quick in zip(*loaders, strict=True):
            assert torch.equal(plain.images, quick.images)
            assert torch.equal(plain.targets, quick.targets)
    assert cached.cache is not None
    assert [cached.cache.get(i) is not None for i in range(4)] == [True, True, True, False]


def test_a_kept_image_is_not_decoded_again(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((100, 80), BOXES)] * 2)
    data = DetectionDataset(
        index=index, size=64, augment=AugmentSettings(mosaic=0), seed=1, cache=RamCache(Slots(index.sizes, 64), 1)
    )
    before = item(data, (0, 0)).sample.image
    index.path(0).unlink()
    index.path(1).unlink()
    assert np.array_equal(item(data, (0, 0)).sample.image, before)
    assert isinstance(data[0, 1], DataError)


def test_evaluation_sees_whole_images_not_reduced_ones(tmp_path: Path) -> None:
    # Stripes that halving by blocks of the JPEG and shrinking by areas treat differently.
    image = np.zeros((512, 512, 3), np.uint8)
    image[:, ::3] = 255
    index = index_of(tmp_path, [Sample(image, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))])
    jpeg = tmp_path / "0.jpg"
    cv2.imwrite(str(jpeg), image)
    index = replace(index, path_bytes=np.frombuffer(str(jpeg).encode(), np.uint8))
    whole = resize(read_image(jpeg), (200, 200))
    assert np.array_equal(item(dataset(index, size=200), (0, 0)).sample.image, whole)
    trained = item(dataset(index, replace(COLOURLESS, mosaic=0), size=200), (0, 0)).sample.image
    assert not np.array_equal(trained, whole)


@pytest.mark.parametrize("size_wh", [(64, 48), (48, 64), (96, 96), (64, 64)])
def test_an_image_fits_into_an_input_of_any_shape(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    data = dataset(index_of(tmp_path, [paint((100, 80), BOXES)]), AugmentSettings())
    sample = data.in_input(0, size_wh)
    assert sample.image.shape == (size_wh[1], size_wh[0], 3)
    assert_boxes_on_pixels(sample, tolerance=1.01)


def test_what_a_worker_is_handed_does_not_grow(tmp_path: Path) -> None:
    record = index_of(tmp_path, [paint((100, 80), BOXES)])
    rows = [Record(record.path(0), 100, 80, record.boxes_xyxy(0), record.class_ids(0), record.ignore(0))]
    sizes = {}
    for number in (1, 1000):
        data = dataset(Index.from_records(["a", "b"], rows * number), AugmentSettings())
        sizes[number] = len(pickle.dumps(data))
        for epoch in range(3):
            item(data, (epoch, 0))
        assert len(pickle.dumps(data)) == sizes[number]
    # An image: its path, its size and corner, three ends and two boxes of 49 bytes; no Python object.
    each = len(str(record.path(0))) + 16 + 24 + 2 * (32 + 8 + 8 + 1)
    assert abs((sizes[1000] - sizes[1]) / 999 - each) < 1


def _one_record(path: Path, width: int, height: int) -> Index:
    empty = np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, np.bool_)
    return Index.from_records(["a"], [Record(path, width, height, *empty)])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read (No such file or directory); replace it, or remove it from the list"),
        (b"", "does not decode as an image; replace it, or remove it from the list"),
        (b"<html>not here</html>", "does not decode as an image; replace it, or remove it from the list"),
        (
            cv2.imencode(".png", np.zeros((4, 6), np.uint8))[1].tobytes(),
            "is 6x4 pixels, but was 9x9 when the data set was opened; start again if it was replaced, "
            "otherwise save it again",
        ),
    ],
)
@pytest.mark.parametrize("augment", [None, AugmentSettings(), AugmentSettings(mosaic=0)])
def test_an_image_that_cannot_be_used_is_an_error_as_a_value(
    tmp_path: Path, content: bytes | None, problem: str, augment: AugmentSettings | None
) -> None:
    path = tmp_path / "x.png"
    if content is not None:
        path.write_bytes(content)
    error = dataset(_one_record(path, 9, 9), augment)[0, 0]
    assert isinstance(error, DataError)
    assert str(pickle.loads(pickle.dumps(error))) == f"{path}: {problem}"  # noqa: S301 (what a worker does)
