from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.data.painting import assert_boxes_on_pixels, paint
from yolo.data.sample import Letterbox, Sample
from yolo.data.transforms import letterbox, place_boxes, resize, resized_wh, stretch

BOXES = [(10, 8, 60, 30), (70, 40, 90, 75), (5, 50, 45, 78)]


Fit = Callable[[npt.NDArray[np.uint8], tuple[int, int]], tuple[npt.NDArray[np.uint8], Letterbox]]


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
    painted = paint((100, 80), BOXES)
    image, position = fit(painted.image, size_wh)
    assert image.shape == (size_wh[1], size_wh[0], 3)
    placed = place_boxes(painted.boxes_xyxy, position)
    assert_boxes_on_pixels(Sample(image, placed, painted.class_ids), tolerance=1.01)
    back = position.to_image(torch.from_numpy(placed))
    np.testing.assert_allclose(back, BOXES, atol=1e-4)


@pytest.mark.parametrize(
    ("image_wh", "input_wh", "upscale", "expected"),
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
    image_wh: tuple[int, int], input_wh: tuple[int, int], upscale: bool, expected: tuple[float, float, int, int]
) -> None:
    image = np.full((image_wh[1], image_wh[0], 3), 7, np.uint8)
    boxed, position = letterbox(image, input_wh, fill=200, allow_upscale=upscale)
    assert position == pytest.approx((*expected, *image_wh))
    left, top = expected[2:]
    assert (boxed == 7).all(axis=2).sum() == (input_wh[0] - 2 * left) * round(image_wh[1] * position.scale_y)
    assert top == 0 or boxed[0, 0].tolist() == [200, 200, 200]


def test_boxes_are_clipped_to_the_image_not_to_the_bars() -> None:
    _, position = letterbox(np.zeros((50, 100, 3), np.uint8), (100, 100))
    assert place_boxes(np.array([[-5.0, -5, 120, 60]]), position).tolist() == [[0, 25, 100, 75]]


def test_shrinking_averages_and_enlarging_interpolates() -> None:
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.unique(resize(stripes, (4, 4))).tolist() == [100]
    # Pixels 0 and 200 at centres 0.5 and 1.5; at twice the size the centres are 0.25, 0.75, 1.25, 1.75.
    step = np.array([[[0] * 3, [200] * 3]], np.uint8)
    assert resize(step, (4, 1))[0, :, 0].tolist() == [0, 50, 150, 200]


@pytest.mark.parametrize(
    ("image_wh", "longer_side", "expected"),
    [
        ((640, 480), 416, (416, 312)),
        ((480, 640), 416, (312, 416)),
        ((60, 45), 128, (128, 96)),  # enlarged
        ((1000, 1), 100, (100, 1)),  # a tenth of a pixel becomes one
    ],
)
def test_the_longer_side_fits(image_wh: tuple[int, int], longer_side: int, expected: tuple[int, int]) -> None:
    assert resized_wh(image_wh, longer_side) == expected
