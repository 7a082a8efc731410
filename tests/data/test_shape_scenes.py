import math

import cv2
import numpy as np
import pytest

from yolo.data.shape_scenes import (
    MIN_VISIBLE,
    NAMES,
    SCALES,
    SIZES,
    draw_scene,
    extent_xyxy,
    hides_too_much,
    shape_mask,
)

CASES = [(i, radius, angle) for i in range(len(NAMES)) for radius in (8.0, 43.3) for angle in (0.0, 0.7, 3.0)]


@pytest.mark.parametrize(("class_id", "radius", "angle"), CASES)
def test_the_box_is_the_extent_of_the_shape_alone_on_black(class_id: int, radius: float, angle: float) -> None:
    mask = shape_mask(class_id, (100.3, 70.8), radius, angle, (224, 192))
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    assert extent_xyxy(mask) == (x, y, x + width, y + height)
    assert x >= 100.3 - radius - 1  # no point is outside the circle around the shape, but for the pixels' own size
    assert x + width <= 100.3 + radius + 2
    assert max(width, height) >= 1.5 * radius


@pytest.mark.parametrize(
    ("name", "area"),
    [  # of the shape in the unit circle, worked out by hand
        ("circle", math.pi),
        ("square", 2.0),
        ("triangle", 3 * math.sqrt(3) / 4),
        ("star", 10 * 0.5 * 0.42 * math.sin(math.pi / 5)),
        ("cross", (4 * 0.6 - 0.36) / 1.09),  # two bars of 2 x 0.6 that share a square, scaled into the circle
        ("ring", math.pi * (1 - 0.55**2)),
    ],
)
def test_areas(name: str, area: float) -> None:
    mask = shape_mask(NAMES.index(name), (96, 96), 80, 0.3, (192, 192))
    assert mask.sum() / 80**2 == pytest.approx(area, rel=0.05)


def test_a_square_that_stands_upright() -> None:
    mask = shape_mask(NAMES.index("square"), (50, 40), 10 * math.sqrt(2), math.pi / 4, (100, 80))
    assert extent_xyxy(mask) == (40, 30, 61, 51)  # a polygon covers the pixels of both its edges
    assert mask.sum() == 21 * 21


@pytest.mark.parametrize("seed", range(40))
def test_scenes(seed: int) -> None:
    scene = draw_scene(np.random.default_rng(seed))
    height, width = scene.image.shape[:2]
    assert (width, height) in SIZES
    assert scene.image.dtype == np.uint8
    assert scene.boxes_xyxy.shape == (len(scene.class_ids), 4)
    assert (scene.boxes_xyxy >= 0).all()
    assert (scene.boxes_xyxy <= [width, height, width, height]).all()
    longest = (scene.boxes_xyxy[:, 2:] - scene.boxes_xyxy[:, :2]).max(axis=1) if len(scene.class_ids) else np.zeros(0)
    assert (longest <= SCALES[1] * min(width, height) + 2).all()
    assert (longest >= 0.7 * SCALES[0] * min(width, height)).all()


def test_scenes_repeat_and_differ() -> None:
    one, again, other = (draw_scene(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.image, again.image)
    np.testing.assert_array_equal(one.boxes_xyxy, again.boxes_xyxy)
    assert one.image.shape != other.image.shape or (one.image != other.image).any()


def test_hidden_objects_stay_visible_enough() -> None:
    owner = np.zeros((10, 10), np.int64)
    owner[0, :10] = 1  # 10 pixels of object 1 are visible
    for num_hidden, too_much in ((1, False), (2, True)):
        mask = np.zeros((10, 10), np.bool_)
        mask[0, :num_hidden] = True
        assert hides_too_much(owner, mask, [10]) is too_much
    assert MIN_VISIBLE == 0.85
