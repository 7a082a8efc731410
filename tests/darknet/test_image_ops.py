from __future__ import annotations

import pytest
import torch

from yolo.darknet.image_ops import centre_crop, letterbox, letterboxed_size, resize, resize_shorter


def test_resize_keeps_corner_pixels() -> None:
    row = torch.tensor([[[0.0, 1.0, 4.0]]])
    assert resize(row, 5, 1)[0, 0].tolist() == [0, 0.5, 1, 2.5, 4]


@pytest.mark.parametrize(
    ("size", "target", "expected"),
    [
        ((427, 640), (416, 416), (277, 416)),  # wide: 427 * 416 / 640 = 277.55, rounded down
        ((640, 427), (416, 416), (416, 277)),  # tall
        ((100, 100), (416, 320), (320, 320)),
    ],
)
def test_letterboxed_size(size: tuple[int, int], target: tuple[int, int], expected: tuple[int, int]) -> None:
    assert letterboxed_size(size, *target) == expected


def test_letterbox_is_grey_around_the_image() -> None:
    box = letterbox(torch.ones(1, 1, 2), 4, 5)
    assert box[0, :, 0].tolist() == [0.5, 1, 1, 0.5, 0.5]


def test_resize_shorter() -> None:
    assert resize_shorter(torch.zeros(3, 37, 53), 32).shape == (3, 32, 45)
    assert resize_shorter(torch.zeros(3, 53, 37), 32).shape == (3, 45, 32)


def test_centre_crop_repeats_the_edge_beyond_the_image() -> None:
    row = torch.tensor([[[1.0, 2.0, 3.0]]])
    assert centre_crop(row, 1, 1)[0, 0].tolist() == [2]
    assert centre_crop(row, 7, 1)[0, 0].tolist() == [1, 1, 1, 2, 3, 3, 3]
