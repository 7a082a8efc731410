"""Decode image files with their EXIF rotation, and no larger than needed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from yolo.errors import DataError
from yolo.remote.streaming import read_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
MAX_SHIFT = 0.25  # pixels of the result by which reduction may move the far edge of the image
JPEG_MAGIC = b"\xff\xd8"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
MAX_PNG_BLOCK = 64 << 20  # bytes; libraries write blocks of at most some MB
JPEG_END = np.array([0xFF, 0xD9], np.uint8)


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Decode an image.

    Returns:
        (H, W, 3), BGR.

    Raises:
        DataError: the file is missing or does not decode.
    """
    data = read_bytes(path)
    _check_claims(path, data)
    return _decode(path, data, cv2.IMREAD_COLOR)


def decode_image(name: str, data: bytes) -> npt.NDArray[np.uint8]:
    """Decode an image from the bytes of its file.

    Args:
        name: of the image, for messages.
        data: the bytes.

    Returns:
        (H, W, 3), BGR.

    Raises:
        DataError: it does not decode.
    """
    array = np.frombuffer(data, np.uint8)
    _check_claims(name, array)
    return _decode(name, array, cv2.IMREAD_COLOR)


def read_indexed_image(
    path: Path, indexed_wh: tuple[int, int], longer_side: int | None = None
) -> npt.NDArray[np.uint8]:
    """Decode an image of known size, if possible at a half, a quarter or an eighth of it.

    This is faster for JPEGs, which average their blocks; other formats would only drop pixels.

    Args:
        path: of the file.
        indexed_wh: width and height in the index.
        longer_side: that the image will be resized to, pixels; None decodes it at full size.

    Returns:
        (H, W, 3), BGR; the longer side has at least `longer_side` pixels if the image has.

    Raises:
        DataError: the file is missing, does not decode, or has another size.
    """
    data = read_bytes(path)
    factor = reduction(indexed_wh, longer_side) if longer_side and data[:2].tobytes() == JPEG_MAGIC else 1
    image = _decode(path, data, REDUCED.get(factor, cv2.IMREAD_COLOR))
    expected_wh = tuple(-(-side // factor) for side in indexed_wh)
    if image.shape[1::-1] != expected_wh:
        width, height = (side * factor for side in image.shape[1::-1])
        raise DataError(
            f"{path}: is {'about ' if factor > 1 else ''}{width}x{height} pixels, but was "
            f"{indexed_wh[0]}x{indexed_wh[1]} when the data set was opened; start again if it was replaced, "
            "otherwise save it again"
        )
    return image


def reduction(image_wh: tuple[int, int], longer_side: int) -> int:
    """Return the factor by which an image can be reduced while it is decoded: 1, 2, 4 or 8.

    The result has at least `longer_side` pixels. If a side is not a multiple of the factor, the pixels that fill the
    last block move its far edge by at most a quarter of a pixel of the result.
    """
    ratio = longer_side / max(image_wh)
    fits = (k for k in REDUCED if k * ratio <= 1 and all(-side % k * ratio <= MAX_SHIFT for side in image_wh))
    return next(fits, 1)


def read_bytes(path: Path) -> npt.NDArray[np.uint8]:
    """Return the content of a file, (bytes,).

    Raises:
        DataError: it cannot be read.
    """
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread does not open every path on Windows
        return data if data.size else np.frombuffer(read_file(path), np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); replace it, or remove it from the list") from error


def _check_claims(path: Path | str, data: npt.NDArray[np.uint8]) -> None:
    """Refuse an image whose header claims so much that decoding it would take all memory.

    Raises:
        DataError: too many pixels, or a block of a PNG that is far longer than the file.
    """
    try:
        with Image.open(io.BytesIO(data.data)):  # reads the header only
            pass
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: is too large ({error}); scale it down, or remove it from the list") from error
    except Exception:  # noqa: BLE001 (damaged: the decoder decides)
        pass
    if data[: len(PNG_MAGIC)].tobytes() != PNG_MAGIC:
        return
    at = len(PNG_MAGIC)
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4].tobytes(), "big")
        if length > max(MAX_PNG_BLOCK, len(data)):
            raise DataError(f"{path}: claims a block of {length:,} bytes, and is damaged; replace it, or remove it")
        at += length + 12  # with its length, name and checksum


def _decode(path: Path | str, data: npt.NDArray[np.uint8], flags: int) -> npt.NDArray[np.uint8]:
    image = _decode_or_none(data, flags)
    if image is None and data[:2].tobytes() == JPEG_MAGIC:
        # as OpenCV reads truncated files: what is missing becomes grey; from memory, OpenCV 5 wants the end marker
        image = _decode_or_none(np.append(data, JPEG_END), flags)
    if image is None:
        raise DataError(f"{path}: does not decode as an image; replace it, or remove it from the list")
    return image


def _decode_or_none(data: npt.NDArray[np.uint8], flags: int) -> npt.NDArray[np.uint8] | None:
    try:
        image = cv2.imdecode(data, flags)
    except cv2.error:  # no data, or too many pixels
        return None
    return None if image is None else np.asarray(image, np.uint8)
