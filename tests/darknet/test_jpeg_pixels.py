import numpy as np
import pytest

from yolo.darknet.jpeg_pixels import blocks_to_pixels, upsample_chroma, ycbcr_to_rgb


def test_block_of_one_frequency() -> None:
    block = np.zeros((1, 2, 8, 8), np.int64)
    block[0, 0, 0, 0] = 80  # the mean: 80 / 8 above grey
    block[0, 1, 0, 1] = 400  # half a wave from left to right
    pixels = blocks_to_pixels(block)
    assert (pixels[:, :8] == 138).all()
    wave = 128 + 400 / 4 / np.sqrt(2) * np.cos((2 * np.arange(8) + 1) * np.pi / 16)
    np.testing.assert_allclose(pixels[:, 8:], np.tile(wave, (8, 1)), atol=0.51)


def test_pixels_are_clipped_to_a_byte() -> None:
    block = np.full((1, 1, 8, 8), 2000, np.int64)
    assert (blocks_to_pixels(block).min(), blocks_to_pixels(block).max()) == (0, 255)


@pytest.mark.parametrize(
    ("h_factor", "v_factor", "expected"),
    [
        (1, 1, [[0, 100], [40, 60]]),
        (2, 1, [[0, 25, 25, 100], [40, 45, 45, 60]]),  # 3/4 and 1/4; the last but one is stb_image's bug
        (1, 2, [[0, 100], [10, 90], [30, 70], [40, 60]]),
        (2, 2, [[0, 25, 75, 100], [10, 30, 70, 90], [30, 40, 60, 70], [40, 45, 55, 60]]),
        (4, 1, [[0, 0, 0, 0, 100, 100, 100, 100], [40, 40, 40, 40, 60, 60, 60, 60]]),
    ],
)
def test_upsample_chroma(h_factor: int, v_factor: int, expected: list[list[int]]) -> None:
    assert upsample_chroma(np.array([[0, 100], [40, 60]]), h_factor, v_factor).tolist() == expected


def test_ycbcr_to_rgb() -> None:
    y, cb, cr = (np.array([[value]]) for value in (81, 90, 240))  # red, by ITU-R BT.601 of full range, about
    assert ycbcr_to_rgb(y, cb, cr).tolist() == [[[238, 14, 14]]]
    grey = np.array([[77]])
    assert ycbcr_to_rgb(grey, np.array([[128]]), np.array([[128]])).tolist() == [[[77, 77, 77]]]
