"""Compare decoded pixels with those of stb_image.

stb_jpegs.npz holds small drawn JPEGs, made with Pillow and OpenCV, and NAME_pixels: each decoded by
stb_image 2.27 (stbi_load with 3 channels).
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from yolo.darknet.jpeg_coefficients import read_coefficients
from yolo.data.decode import read_image
from yolo.errors import DataError
from yolo.inference.darknet_decode import read_as_darknet

GOLDEN = Path(__file__).with_name("stb_jpegs.npz")
NAMES = ("420", "422", "444", "grey", "restart", "narrow", "narrow422", "cv411", "cv440")


@pytest.mark.parametrize("name", NAMES)
def test_pixels_equal_those_of_stb_image(tmp_path: Path, name: str) -> None:
    with np.load(GOLDEN) as arrays:
        data, expected = arrays[name].tobytes(), arrays[f"{name}_pixels"]
    (tmp_path / "a.jpg").write_bytes(data)
    assert read_coefficients(data) is not None
    np.testing.assert_array_equal(read_as_darknet(tmp_path / "a.jpg", expected.shape[1::-1]), expected)


def gradient_image() -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    rows, columns = np.mgrid[0:40, 0:60]
    return np.stack([4 * columns, 6 * rows, 2 * rows + 2 * columns], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(("progressive", "orientation"), [(True, 1), (False, 3)])  # 3: upside down
def test_progressive_or_rotated_jpeg_falls_back_to_opencv(tmp_path: Path, progressive: bool, orientation: int) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(gradient_image()).save(path, exif=exif, progressive=progressive)
    image = read_image(path)
    np.testing.assert_array_equal(read_as_darknet(path, (60, 40)), image[..., ::-1])


def test_lossless_image(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), gradient_image()[..., ::-1])
    np.testing.assert_array_equal(read_as_darknet(tmp_path / "a.png", (60, 40)), gradient_image())


@pytest.mark.parametrize(
    ("num_bytes", "has_coefficients"),
    [
        (1272, False),  # ends in the scan
        (1352, True),  # lacks only the last 20 bytes
    ],
)
def test_truncated_scan_is_filled(tmp_path: Path, num_bytes: int, has_coefficients: bool) -> None:
    with np.load(GOLDEN) as arrays:
        data = arrays["444"].tobytes()
    (tmp_path / "whole.jpg").write_bytes(data)
    (tmp_path / "a.jpg").write_bytes(data[:num_bytes])
    assert (read_coefficients(data[:num_bytes]) is not None) == has_coefficients
    image, whole = (read_as_darknet(tmp_path / name, (53, 41)) for name in ("a.jpg", "whole.jpg"))
    assert image.shape == whole.shape
    assert np.abs(image[:8].astype(int) - whole[:8]).max() <= 2


@pytest.mark.parametrize("num_bytes", [10, 400])  # ends in the header, in a table
def test_jpeg_without_a_scan_is_refused(tmp_path: Path, num_bytes: int) -> None:
    with np.load(GOLDEN) as arrays:
        data = arrays["444"].tobytes()
    assert read_coefficients(data[:num_bytes]) is None
    (tmp_path / "a.jpg").write_bytes(data[:num_bytes])
    with pytest.raises(DataError, match=r"a\.jpg: does not decode as an image"):
        read_as_darknet(tmp_path / "a.jpg", (53, 41))
