from pathlib import Path

import cv2
import pytest
from PIL import Image

from yolo.data.formats.sizes import ORIENTATION, read_size, read_sizes
from yolo.errors import DataError


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("orientation", [None, 1, 3, 5, 6, 7, 8, 9])  # 9 is not defined
def test_size_is_that_of_the_decoded_image(tmp_path: Path, suffix: str, orientation: int | None) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    if orientation:
        exif[ORIENTATION] = orientation
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    assert read_size(path) == ((20, 30) if orientation in (5, 6, 7, 8) else (30, 20))
    image = cv2.imread(str(path))
    assert image is not None
    if suffix == "jpg":  # which other formats OpenCV turns depends on its version
        assert (image.shape[1], image.shape[0]) == read_size(path)


def test_broken_exif_turns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (30, 20)).save(path, exif=b"Exif\x00\x00MM\x00")
    assert read_size(path) == (30, 20)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\xff\xd8\xff\xe0"])
def test_no_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a.jpg: is not an image that can be read; replace it"):
        read_sizes([path])


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.jpg: cannot be read"):
        read_size(tmp_path / "a.jpg")


def test_order_is_kept(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(1, 40)]
    for i, path in enumerate(paths, start=1):
        Image.new("L", (i, 2)).save(path)
    assert read_sizes(paths) == [(i, 2) for i in range(1, 40)]


def test_a_damaged_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\x05IHDR\0\0\x30\0\x00\x8a\x1b\x5c\x0f" + b"x" * 40)
    with pytest.raises(DataError, match=r"a.png: (cannot be read|is not an image)"):
        read_size(tmp_path / "a.png")
