"""Decodes image files as displayed, EXIF rotation applied, and no larger than needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.errors import DataError
from yolo.remote.streaming import read_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
MAX_SHIFT = 0.25  # pixels of the result by which reduction may move the image's far edge
JPEG_MAGIC = b"\xff\xd8"


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Decode an image.

    Returns:
        (H, W, 3), BGR.

    Raises:
        DataError: the file is missing or does not decode.
    """
    return _decode(path, read_bytes(path), cv2.IMREAD_COLOR)


def decode_image(name: str, data: bytes) -> npt.NDArray[np.uint8]:
    """Decode an image that is not in a file of its own.

    Args:
        name: what messages call it.
        data: what its file would hold.

    Returns:
        (H, W, 3), BGR.

    Raises:
        DataError: it does not decode.
    """
    return _decode(name, np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def read_listed(path: Path, listed_wh: tuple[int, int], longer_side: int | None = None) -> npt.NDArray[np.uint8]:
    """Decode an image of known size, perhaps at a half, a quarter or an eighth of it.

    A JPEG decodes faster so, and its blocks are averaged on the way; other formats would only drop pixels.

    Args:
        path: of the file.
        listed_wh: width and height that the index knows.
        longer_side: to which the image will be resized, pixels; None decodes it whole.

    Returns:
        (H, W, 3), BGR; the longer side has at least `longer_side` pixels if the image has.

    Raises:
        DataError: the file is missing, does not decode, or has another size.
    """
    data = read_bytes(path)
    factor = reduction(listed_wh, longer_side) if longer_side and data[:2].tobytes() == JPEG_MAGIC else 1
    image = _decode(path, data, REDUCED.get(factor, cv2.IMREAD_COLOR))
    expected_wh = tuple(-(-side // factor) for side in listed_wh)
    if image.shape[1::-1] != expected_wh:
        width, height = (side * factor for side in image.shape[1::-1])
        raise DataError(
            f"{path}: is {'about ' if factor > 1 else ''}{width}x{height} pixels, but was "
            f"{listed_wh[0]}x{listed_wh[1]} when the data set was opened; start again if it was replaced, "
            "else save it anew"
        )
    return image


def reduction(image_wh: tuple[int, int], longer_side: int) -> int:
    """By how much an image can be reduced while it is decoded: 1, 2, 4 or 8.

    What remains has at least `longer_side` pixels, and the pixels that fill the last block, where a side is no multiple
    of the factor, move its far edge by a quarter of a pixel of the result at most.
    """
    ratio = longer_side / max(image_wh)
    fits = (k for k in REDUCED if k * ratio <= 1 and all(-side % k * ratio <= MAX_SHIFT for side in image_wh))
    return next(fits, 1)


def read_bytes(path: Path) -> npt.NDArray[np.uint8]:
    """The content of a file, (bytes,).

    Raises:
        DataError: it cannot be read.
    """
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread does not open every path on Windows
        return data if data.size else np.frombuffer(read_file(path), np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); replace it, or take it off the list") from error


def _decode(path: Path | str, data: npt.NDArray[np.uint8], flags: int) -> npt.NDArray[np.uint8]:
    try:
        image = cv2.imdecode(data, flags)
    except cv2.error:  # no data at all, or too many pixels
        image = None
    if image is None:
        raise DataError(f"{path}: does not decode as an image; replace it, or take it off the list")
    return np.asarray(image, np.uint8)
