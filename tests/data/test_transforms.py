from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.painting import assert_boxes_on_pixels, measure, paint
from yolo.data.sample import Letterbox, Sample
from yolo.data.transforms import (
    Augment,
    boxes_to_keep,
    flip_horizontal,
    flip_vertical,
    letterbox,
    place_boxes,
    random_affine,
    random_hsv,
    recolour_and_flip,
    resize,
    stretch,
)
from yolo.errors import SettingsError

BOXES = [(10, 8, 60, 30), (70, 40, 90, 75), (5, 50, 45, 78)]
STILL = Augment(hsv_h=0, hsv_s=0, hsv_v=0, fliplr=0, mosaic=0)


Fit = Callable[[npt.NDArray[np.uint8], tuple[int, int]], tuple[npt.NDArray[np.uint8], Letterbox]]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("fit", [letterbox, stretch])
@pytest.mark.parametrize(
    "size_wh",
    [
        (200, 200),  # enlarged
        (100, 80),  # as it is
        (64, 64),  # shrunk
        (61, 37),  # shrunk to odd sides
        (50, 200),  # one side shrunk, the other enlarged
    ],
)
def test_boxes_follow_the_pixels_into_the_input(fit: Fit, size_wh: tuple[int, int]) -> None:
    picture = paint((100, 80), BOXES)
    image, placing = fit(picture.image, size_wh)
    assert image.shape == (size_wh[1], size_wh[0], 3)
    placed = place_boxes(picture.boxes_xyxy, placing)
    assert_boxes_on_pixels(Sample(image, placed, picture.class_ids), tolerance=1.01)
    back = placing.to_picture(torch.from_numpy(placed))
    np.testing.assert_allclose(back, BOXES, atol=1e-4)


@pytest.mark.parametrize(
    ("picture_wh", "input_wh", "upscale", "expected"),
    [
        ((640, 480), (416, 416), True, (0.65, 0.65, 0, 52)),  # bars above and below: (416 - 312) / 2
        ((480, 640), (416, 416), True, (0.65, 0.65, 52, 0)),  # beside
        ((100, 50), (416, 416), True, (4.16, 4.16, 0, 104)),  # enlarged
        ((100, 50), (416, 416), False, (1, 1, 158, 183)),  # only framed
        ((300, 1), (30, 30), True, (0.1, 1, 0, 14)),  # a tenth of a pixel becomes one
        ((7, 3), (5, 5), True, (5 / 7, 2 / 3, 0, 1)),  # 3 * 5/7 = 2.14 becomes 2
    ],
)
def test_letterbox_geometry(
    picture_wh: tuple[int, int], input_wh: tuple[int, int], upscale: bool, expected: tuple[float, float, int, int]
) -> None:
    image = np.full((picture_wh[1], picture_wh[0], 3), 7, np.uint8)
    boxed, placing = letterbox(image, input_wh, fill=200, allow_upscale=upscale)
    assert placing == pytest.approx((*expected, *picture_wh))
    left, top = expected[2:]
    assert (boxed == 7).all(axis=2).sum() == (input_wh[0] - 2 * left) * round(picture_wh[1] * placing.scale_y)
    assert top == 0 or boxed[0, 0].tolist() == [200, 200, 200]


def test_boxes_are_clipped_to_the_picture_not_to_the_bars() -> None:
    _, placing = letterbox(np.zeros((50, 100, 3), np.uint8), (100, 100))
    assert place_boxes(np.array([[-5.0, -5, 120, 60]]), placing).tolist() == [[0, 25, 100, 75]]


def test_shrinking_averages_and_enlarging_interpolates() -> None:
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.unique(resize(stripes, (4, 4))).tolist() == [100]
    # Pixels 0 and 200 at centres 0.5 and 1.5; at twice the size the centres are 0.25, 0.75, 1.25, 1.75.
    step = np.array([[[0] * 3, [200] * 3]], np.uint8)
    assert resize(step, (4, 1))[0, :, 0].tolist() == [0, 50, 150, 200]


@pytest.mark.parametrize("flip", [flip_horizontal, flip_vertical])
def test_flips_are_exact_and_undo_themselves(flip: Callable[[Sample], Sample]) -> None:
    picture = paint((100, 80), BOXES)
    flipped = flip(picture)
    assert_boxes_on_pixels(flipped, tolerance=0)
    assert not np.array_equal(flipped.image, picture.image)
    twice = flip(flipped)
    assert np.array_equal(twice.image, picture.image)
    assert np.array_equal(twice.boxes_xyxy, picture.boxes_xyxy)


@pytest.mark.parametrize(
    "ranges",
    [
        {"degrees": 5.0},
        {"degrees": 180.0},
        {"translate": 0.2},
        {"scale": 0.5},
        {"shear": 20.0},
        {"degrees": 30.0, "translate": 0.1, "scale": 0.3, "shear": 10.0},
    ],
)
@pytest.mark.parametrize("size_wh", [(300, 300), (200, 240)])
def test_affine_boxes_lie_on_the_pixels(ranges: dict[str, float], size_wh: tuple[int, int]) -> None:
    picture = paint((300, 300), [(90, 100, 150, 130), (170, 150, 190, 215), (110, 170, 160, 200)])
    num_boxes = 0
    for seed in range(10):
        moved = random_affine(picture, rng(seed), Augment(**ranges), size_wh)
        assert moved.image.shape == (size_wh[1], size_wh[0], 3)
        # A cut rectangle shows less than the box of its cut corners; those wholly inside must fit.
        inside = (moved.boxes_xyxy > 0).all(axis=1) & (moved.boxes_xyxy < size_wh * 2).all(axis=1)
        whole = Sample(moved.image, moved.boxes_xyxy[inside], moved.class_ids[inside])
        assert_boxes_on_pixels(whole, tolerance=1.5)
        num_boxes += int(inside.sum())
    assert num_boxes >= 15


def test_shift_moves_by_the_same_number_of_pixels_and_clips() -> None:
    picture = paint((100, 100), [(0, 0, 50, 50)])
    for seed in range(8):
        moved = random_affine(picture, rng(seed), Augment(translate=0.3), (100, 100))
        assert_boxes_on_pixels(moved, tolerance=1)
        assert moved.boxes_xyxy.min() >= 0


def test_affine_fills_with_grey() -> None:
    white = Sample(np.full((50, 50, 3), 255, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert random_affine(white, rng(), STILL, (90, 90)).image[0, 0].tolist() == [114] * 3


@pytest.mark.parametrize(
    ("before", "after", "area_scale", "keep"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1, True),  # untouched
        ((0, 0, 4, 10), (0, 0, 4, 10), 1, False),  # 4 pixels wide: not more than 4
        ((0, 0, 5, 10), (0, 0, 5, 10), 1, True),
        ((0, 0, 10, 4), (0, 0, 10, 4), 1, False),  # 4 pixels high
        ((0, 0, 30, 30), (0, 0, 18, 10), 1, False),  # 180 of 900: not more than a fifth
        ((0, 0, 30, 30), (0, 0, 19, 10), 1, True),
        ((0, 0, 60, 60), (0, 0, 19, 10), 0.25, True),  # 190 of 3600, halved on both sides
        ((0, 0, 15, 15), (0, 0, 18, 10), 4, False),  # 180 of 225, doubled on both sides
        ((0, 0, 50, 5), (0, 0, 50, 5), 1, False),  # ten times as wide as high
        ((0, 0, 49, 5), (0, 0, 49, 5), 1, True),
        ((0, 0, 5, 50), (0, 0, 5, 50), 1, False),  # ten times as high as wide
        ((0, 0, 10, 10), (0, 0, 0, 0), 1, False),  # gone
    ],
)
def test_boxes_to_keep(before: tuple[int, ...], after: tuple[int, ...], area_scale: float, keep: bool) -> None:
    kept = boxes_to_keep(np.array([before], np.float32), np.array([after], np.float32), area_scale)
    assert kept.tolist() == [keep]


def test_affine_drops_what_leaves_the_input_with_its_class() -> None:
    picture = paint((200, 200), [(0, 0, 40, 40), (80, 80, 120, 120), (45, 80, 90, 120)])
    cut = random_affine(picture, rng(), STILL, (100, 100))  # the middle: 50..150
    assert cut.class_ids.tolist() == [1, 2]
    assert cut.boxes_xyxy.tolist() == [[30, 30, 70, 70], [0, 30, 40, 70]]
    assert measure(cut.image, 0) is None


def test_zooming_out_keeps_boxes() -> None:
    picture = paint((300, 300), [(50, 50, 250, 250)])
    zoomed = [random_affine(picture, rng(seed), Augment(scale=0.9), (300, 300)) for seed in range(30)]
    assert [len(sample.boxes_xyxy) for sample in zoomed] == [1] * 30  # 20 pixels wide at the least
    assert min(sample.boxes_xyxy[0, 2] - sample.boxes_xyxy[0, 0] for sample in zoomed) < 80


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(64, 64), (96, 32)]))
def test_affine_boxes_stay_inside_the_input(seed: int, size_wh: tuple[int, int]) -> None:
    picture = paint((80, 60), [(0, 0, 80, 60), (10, 10, 40, 50), (60, 5, 80, 30)])
    wild = Augment(degrees=180, translate=0.5, scale=0.9, shear=45)
    boxes = random_affine(picture, rng(seed), wild, size_wh).boxes_xyxy
    assert (boxes >= 0).all()
    assert (boxes <= np.array(size_wh * 2)).all()
    assert (boxes[:, 2:] - boxes[:, :2] > 4).all()


def bgr(*pixels_hsv: list[int]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(np.array([pixels_hsv], np.uint8), cv2.COLOR_HSV2BGR), np.uint8)


def test_hsv_gains_are_those_drawn() -> None:
    image = bgr([100, 100, 100], [170, 200, 240])
    gains = 1 + rng(3).uniform(-1, 1, 3) * (0.1, 0.5, 0.3)
    expected = np.array([[100, 100, 100], [170, 200, 240]]) * gains
    expected[:, 0] %= 180
    changed = cv2.cvtColor(random_hsv(image, rng(3), 0.1, 0.5, 0.3), cv2.COLOR_BGR2HSV)[0]
    np.testing.assert_allclose(changed, expected.clip(max=255), atol=3)  # 8-bit HSV is not exact


def test_hue_wraps_and_value_saturates() -> None:
    class Upwards(np.random.Generator):
        def uniform(self, low: Any = 0, high: Any = 1, size: Any = None) -> Any:
            return np.full(size, high)

    image = bgr([170, 200, 240])
    changed = cv2.cvtColor(random_hsv(image, Upwards(np.random.PCG64()), 0.8, 0, 0.36), cv2.COLOR_BGR2HSV)[0, 0]
    np.testing.assert_allclose(changed, [170 * 1.8 - 180, 200, 255], atol=2)


def test_no_gain_leaves_every_pixel() -> None:
    image = rng().integers(0, 256, (20, 20, 3), dtype=np.uint8)
    assert np.array_equal(random_hsv(image, rng(), 0, 0, 0), image)


@pytest.mark.parametrize(
    ("fliplr", "flipud", "expected"),
    [
        (0.0, 0.0, (10, 8, 60, 30)),
        (1.0, 0.0, (40, 8, 90, 30)),  # 100 - 60, 100 - 10
        (0.0, 1.0, (10, 50, 60, 72)),  # 80 - 30, 80 - 8
        (1.0, 1.0, (40, 50, 90, 72)),
    ],
)
def test_flips_happen_with_their_probability(fliplr: float, flipud: float, expected: tuple[int, ...]) -> None:
    augment = Augment(hsv_h=0, hsv_s=0, hsv_v=0, fliplr=fliplr, flipud=flipud)
    flipped = recolour_and_flip(paint((100, 80), BOXES[:1]), rng(), augment)
    assert flipped.boxes_xyxy.tolist() == [list(expected)]
    assert measure(flipped.image, 0) == expected


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [("mosaic", 1.5, "0..1"), ("degrees", -1, "0..180"), ("scale", 1, "0..0.9"), ("shear", 90, "0..45")],
)
def test_a_setting_out_of_range_is_named(name: str, value: float, limit: str) -> None:
    with pytest.raises(SettingsError) as error:
        Augment(**{name: value})
    assert str(error.value) == f"augment.{name}: {value} is out of range; use {limit}"
