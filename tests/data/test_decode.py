import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.data.painting import assert_boxes_on_pixels, paint
from yolo.data.decode import decode_image, read_image, read_indexed_image, reduction
from yolo.data.sample import Letterbox, Sample
from yolo.data.transforms import place_boxes, resize, resized_wh
from yolo.errors import DataError


def save_turned(path: Path, stored: npt.NDArray[np.uint8]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # displayed after a quarter turn clockwise
    Image.fromarray(stored).save(path, exif=exif, quality=95)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    stored = np.zeros((30, 50, 3), np.uint8)
    stored[:10, :10] = 255
    save_turned(tmp_path / "a.jpg", stored)
    image = read_image(tmp_path / "a.jpg")
    assert image.shape == (50, 30, 3)
    assert image[5, 25].min() > 200  # top left goes to top right


def test_exif_rotation_is_applied_to_reduced_images_as_well(tmp_path: Path) -> None:
    stored = np.zeros((320, 480, 3), np.uint8)
    stored[:80, :80] = 255
    save_turned(tmp_path / "a.jpg", stored)
    image = read_indexed_image(tmp_path / "a.jpg", (320, 480), 120)
    assert image.shape == (120, 80, 3)
    assert image[10, 70].min() > 200
    assert image[10, 10].max() < 50


def test_paths_beyond_ascii_and_grey_images(tmp_path: Path) -> None:
    path = tmp_path / "Foto größer 写真.png"
    path.write_bytes(cv2.imencode(".png", np.full((4, 6), 77, np.uint8))[1].tobytes())
    assert (read_image(path) == np.full((4, 6, 3), 77)).all()


def test_missing_part_of_a_truncated_jpeg_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    data = cv2.imencode(".jpg", np.full((64, 64, 3), 200, np.uint8))[1].tobytes()
    path.write_bytes(data[:-20])
    image = read_image(path)
    assert image.shape == (64, 64, 3)
    assert (image[:8] == 200).all()


@pytest.mark.parametrize(
    ("image_wh", "longer_side", "factor"),
    [
        ((640, 480), 416, 1),
        ((831, 600), 416, 1),  # a half would be 416 wide, but of 832
        ((832, 600), 416, 2),
        ((1667, 1000), 416, 4),  # a pixel more: a quarter of a pixel in 416
        ((1001, 800), 416, 1),  # 0.4 of a pixel
        ((1664, 1000), 416, 4),
        ((1664, 1001), 416, 2),  # three pixels more
        ((3328, 2000), 416, 8),
        ((60000, 40000), 416, 8),
        ((600, 832), 416, 2),
        ((200, 100), 416, 1),  # enlarged
    ],
)
def test_how_much_may_be_reduced(image_wh: tuple[int, int], longer_side: int, factor: int) -> None:
    assert reduction(image_wh, longer_side) == factor


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize(
    ("image_wh", "factor"), [((600, 400), 2), ((1200, 801), 2), ((1200, 800), 4), ((2400, 1600), 8)]
)
def test_boxes_fit_reduced_images(tmp_path: Path, suffix: str, image_wh: tuple[int, int], factor: int) -> None:
    width, height = image_wh
    unit = width // 60
    painted = paint(image_wh, [(2 * unit, 3 * unit, 20 * unit, 9 * unit), (50 * unit, 30 * unit, width, height)])
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), painted.image, [cv2.IMWRITE_JPEG_QUALITY, 98])
    image = read_indexed_image(path, image_wh, 300)
    assert image.shape[1] == width // (factor if suffix == ".jpg" else 1)  # only of a JPEG are the blocks averaged
    size_wh = resized_wh(image_wh, 300)
    position = Letterbox(size_wh[0] / width, size_wh[1] / height, 0, 0, width, height)
    resized = Sample(resize(image, size_wh), place_boxes(painted.boxes_xyxy, position), painted.class_ids)
    assert_boxes_on_pixels(resized, tolerance=1.01)


@pytest.mark.parametrize(
    ("longer_side", "problem"),
    [(None, "is 832x624 pixels, but was 900x624"), (100, "is about 832x624 pixels, but was 900x624")],
)
def test_an_image_of_another_size_is_refused(tmp_path: Path, longer_side: int | None, problem: str) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((624, 832, 3), np.uint8))
    with pytest.raises(DataError, match=problem):
        read_indexed_image(tmp_path / "a.jpg", (900, 624), longer_side)


def png_block(name: bytes, data: bytes, length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    return struct.pack(">I", size) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_start(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_block(b"IHDR", header)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png_start(48, 36) + png_block(b"PLTE", b"x", 0xF0000000), "claims a block of 4,026,531,840 bytes"),
        (png_start(48, 36) + png_block(b"IDAT", b"x", 0x7FFFFFFF), "claims a block of 2,147,483,647 bytes"),
        (png_start(32_000, 32_000) + png_block(b"IDAT", b""), "is too large"),
    ],
)
def test_images_that_claim_all_memory_are_refused(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"a.png: {message}"):
        decode_image("a.png", data)
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_image(tmp_path / "a.png")
