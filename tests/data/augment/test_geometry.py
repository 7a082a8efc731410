from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.painting import assert_boxes_on_pixels, measure, paint, whole
from yolo.config.augment_settings import AugmentSettings
from yolo.data.augment.geometry import (
    boxes_to_keep,
    flip_horizontal,
    flip_vertical,
    random_crop,
    random_transform,
    shift_matrix,
    visible_window,
    warp,
)
from yolo.data.sample import Sample

BOXES = [(10, 8, 60, 30), (70, 40, 90, 75), (5, 50, 45, 78)]
STILL = AugmentSettings()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def move(sample: Sample, source: np.random.Generator, augment: AugmentSettings, size_wh: tuple[int, int]) -> Sample:
    height, width = sample.image.shape[:2]
    return warp(sample, random_transform(source, augment, (width, height), size_wh), size_wh)


@pytest.mark.parametrize("flip", [flip_horizontal, flip_vertical])
def test_flips_are_exact_and_undo_themselves(flip: Callable[[Sample], Sample]) -> None:
    image = paint((100, 80), BOXES)
    flipped = flip(image)
    assert_boxes_on_pixels(flipped, tolerance=0)
    assert not np.array_equal(flipped.image, image.image)
    twice = flip(flipped)
    assert np.array_equal(twice.image, image.image)
    assert np.array_equal(twice.boxes_xyxy, image.boxes_xyxy)


@pytest.mark.parametrize(
    "ranges",
    [
        {"degrees": 5.0},
        {"degrees": 180.0},
        {"translate": 0.2},
        {"scale": 0.5},
        {"shear": 20.0},
        {"perspective": 0.001},
        {"degrees": 30.0, "translate": 0.1, "scale": 0.3, "shear": 10.0},
        {"degrees": 30.0, "translate": 0.1, "scale": 0.3, "shear": 10.0, "perspective": 0.0005},
    ],
)
@pytest.mark.parametrize("size_wh", [(300, 300), (200, 240)])
def test_affine_boxes_lie_on_the_pixels(ranges: dict[str, float], size_wh: tuple[int, int]) -> None:
    image = paint((300, 300), [(90, 100, 150, 130), (170, 150, 190, 215), (110, 170, 160, 200)])
    num_boxes = 0
    for seed in range(10):
        moved = move(image, rng(seed), AugmentSettings(**ranges), size_wh)
        assert moved.image.shape == (size_wh[1], size_wh[0], 3)
        # A cut rectangle shows less than the box of its cut corners; those wholly inside must fit.
        uncut = whole(moved)
        assert_boxes_on_pixels(uncut, tolerance=1.5)
        num_boxes += len(uncut.class_ids)
    assert num_boxes >= 15


def test_shift_moves_by_the_same_number_of_pixels_and_clips() -> None:
    image = paint((100, 100), [(0, 0, 50, 50)])
    for seed in range(8):
        moved = move(image, rng(seed), AugmentSettings(translate=0.3), (100, 100))
        assert_boxes_on_pixels(moved, tolerance=1)
        assert moved.boxes_xyxy.min() >= 0


def test_affine_fills_with_grey() -> None:
    white = Sample(np.full((50, 50, 3), 255, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert move(white, rng(), STILL, (90, 90)).image[0, 0].tolist() == [114] * 3


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
    image = paint((200, 200), [(0, 0, 40, 40), (80, 80, 120, 120), (45, 80, 90, 120)])
    cut = move(image, rng(), STILL, (100, 100))  # the middle: 50..150
    assert cut.class_ids.tolist() == [1, 2]
    assert cut.boxes_xyxy.tolist() == [[30, 30, 70, 70], [0, 30, 40, 70]]
    assert measure(cut.image, 0) is None


def test_zooming_out_keeps_boxes() -> None:
    image = paint((300, 300), [(50, 50, 250, 250)])
    zoomed = [move(image, rng(seed), AugmentSettings(scale=0.9), (300, 300)) for seed in range(30)]
    assert [len(sample.boxes_xyxy) for sample in zoomed] == [1] * 30  # 20 pixels wide at the least
    assert min(sample.boxes_xyxy[0, 2] - sample.boxes_xyxy[0, 0] for sample in zoomed) < 80


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(64, 64), (96, 32)]))
def test_affine_boxes_stay_inside_the_input(seed: int, size_wh: tuple[int, int]) -> None:
    image = paint((80, 60), [(0, 0, 80, 60), (10, 10, 40, 50), (60, 5, 80, 30)])
    wild = AugmentSettings(degrees=180, translate=0.5, scale=0.9, shear=45, perspective=0.001)
    boxes = move(image, rng(seed), wild, size_wh).boxes_xyxy
    assert (boxes >= 0).all()
    assert (boxes <= np.array(size_wh * 2)).all()
    assert (boxes[:, 2:] - boxes[:, :2] > 4).all()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.floats(0, 0.2), st.floats(0.8, 1.5))
def test_crops_by_darknets_rule_keep_boxes_on_the_pixels(seed: int, jitter: float, resize: float) -> None:
    # Sides stay sides: cut boxes must fit as well.
    image = paint((200, 150), [(20, 30, 90, 70), (120, 80, 180, 140), (5, 90, 60, 145)])
    matrix = random_crop(rng(seed), AugmentSettings(jitter=jitter, resize=resize), (200, 150))
    assert_boxes_on_pixels(warp(image, matrix, (200, 150)), tolerance=1.5)


def window(matrix: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
    """Of an image of 100 x 100 that a crop stretches: left, top, right, bottom."""
    back = np.linalg.inv(matrix)
    return [float(v) for v in (back @ [0, 0, 1])[:2]] + [float(v) for v in (back @ [100, 100, 1])[:2]]


@pytest.mark.parametrize(
    ("jitter", "resize", "low", "high"),
    [
        # how far sides move in (-: out), pixels of 100
        (0.2, 1.0, -20, 20),
        (0.0, 1.5, -25, 50 / 3),  # (1 - 1.5) / 2 and (1 - 1 / 1.5) / 2
        (0.0, 0.5, -50, 0),  # only out: (1 - 2) / 2
        (0.1, 1.25, -22.5, 20),
    ],
)
def test_crops_move_sides_as_far_as_darknet_does(jitter: float, resize: float, low: float, high: float) -> None:
    augment = AugmentSettings(jitter=jitter, resize=resize)
    windows = np.array([window(random_crop(rng(seed), augment, (100, 100))) for seed in range(600)])
    inwards = np.concatenate([windows[:, :2], 100 - windows[:, 2:]], axis=1)
    assert inwards.min() >= low - 1e-9
    assert inwards.max() <= high + 1e-9
    assert inwards.max() - inwards.min() > 0.85 * (high - low)
    if not jitter:  # left and top move together, and right and bottom
        np.testing.assert_allclose(inwards[:, 0], inwards[:, 1], atol=1e-9)
        np.testing.assert_allclose(inwards[:, 2], inwards[:, 3], atol=1e-9)


def test_a_tilt_keeps_nothing_that_is_behind_the_camera() -> None:
    tilt = np.eye(3)
    tilt[2, 0] = -0.02  # depth 0 at x = 50
    tilted = warp(paint((100, 40), [(5, 5, 20, 30), (60, 5, 90, 30)]), tilt, (100, 40))
    assert tilted.class_ids.tolist() == [0]


def test_what_a_tilt_brings_near_may_be_cut_as_much_as_anything() -> None:
    # Depth 0.5 doubles the sides: of the box, 20 x 20 at x = 50, four fifths leave the result, so it goes.
    tilt = np.eye(3)
    tilt[2, 0] = -0.01
    near = warp(paint((100, 40), [(45, 5, 60, 25)]), tilt, (90, 40))
    assert near.class_ids.tolist() == []


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32))
def test_the_seen_window_holds_all_that_is_seen(seed: int) -> None:
    noise = Sample(
        rng(seed).integers(0, 256, (160, 200, 3), dtype=np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    )
    augment = AugmentSettings(degrees=30, translate=0.2, scale=0.5, shear=10, perspective=0.0005)
    matrix = random_transform(rng(seed), augment, (200, 160), (100, 80))
    x1, y1, x2, y2 = visible_window(matrix, (200, 160), (100, 80))
    part = Sample(np.ascontiguousarray(noise.image[y1:y2, x1:x2]), noise.boxes_xyxy, noise.class_ids)
    expected = warp(noise, matrix, (100, 80)).image.astype(int)
    seen = warp(part, matrix @ shift_matrix(x1, y1), (100, 80)).image
    assert np.abs(seen - expected).max() <= 8  # OpenCV 4 rounds coordinates to 1/32 pixel
    assert np.abs(seen - expected).mean() < 0.5
