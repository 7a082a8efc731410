"""Read image sizes from file headers, without decoding pixels."""

from __future__ import annotations

import io
import os
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image, UnidentifiedImageError

from yolo.errors import DataError
from yolo.log import progress
from yolo.remote.streaming import is_streamed, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ORIENTATION = 0x0112  # EXIF tag
HEADER_BYTES = 64 << 10
# Raised by Pillow for incomplete and damaged headers.
TRUNCATED = (OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error)
TRANSPOSED = (5, 6, 7, 8)  # orientations that swap width and height


def read_sizes(images: Sequence[Path]) -> list[tuple[int, int]]:
    """Return (width, height) of each image after EXIF rotation, pixels.

    Raises:
        DataError: a file is not an image.
    """
    num_threads = min(32, 4 * (os.cpu_count() or 1))  # more than cores, for network drives
    with ThreadPoolExecutor(num_threads) as pool:
        sizes = pool.map(read_size, images)
        return list(progress(sizes, "read image sizes", total=len(images), unit=" images", delay=1))


def read_size(image: Path) -> tuple[int, int]:
    """Return (width, height) of an image after EXIF rotation, pixels.

    Raises:
        DataError: the file is not an image.
    """
    try:
        (width, height), exif = _read_header(image)
    except UnidentifiedImageError as error:
        raise DataError(f"{image}: is not an image that can be read; replace it, or remove it from the list") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{image}: is too large ({error}); scale it down, or remove it from the list") from error
    except TRUNCATED as error:
        raise DataError(f"{image}: cannot be read ({error}); replace it, or remove it from the list") from error
    return (height, width) if _orientation(exif) in TRANSPOSED else (width, height)


def require_stated_size(where: str, stated: tuple[int, int] | None, image: Path, size: tuple[int, int]) -> None:
    """Refuse labels in pixels of an image of another size.

    Args:
        where: place of the labels, for the message.
        stated: width and height as the labels state them, pixels; None: they do not.
        image: the image.
        size: width and height of the image, pixels; 0 if it cannot be decoded.

    Raises:
        DataError: the sizes differ.
    """
    if stated is None or stated == size or 0 in size:
        return
    turned = " (an EXIF tag rotates the image, or the sides are swapped)" if stated == size[::-1] else ""
    raise DataError(
        f"{where}: is for an image of {stated[0]}x{stated[1]}, but {image} shows as {size[0]}x{size[1]}{turned}: "
        "its boxes cannot be placed; correct width and height, or the image"
    )


def _read_header(image: Path) -> tuple[tuple[int, int], bytes]:
    """Return (width, height) as stored and the EXIF block; in object storage, the first bytes nearly always suffice."""
    if not is_streamed(image):
        return _parse(image)
    with suppress(*TRUNCATED):
        return _parse(io.BytesIO(read_file(image, HEADER_BYTES)))
    return _parse(io.BytesIO(read_file(image)))


def _parse(file: Path | BinaryIO) -> tuple[tuple[int, int], bytes]:
    with Image.open(file) as image:
        return image.size, image.info.get("exif", b"")


def _orientation(exif: bytes) -> object:
    tags = Image.Exif()
    try:
        tags.load(exif)
    except (SyntaxError, ValueError, struct.error):  # OpenCV ignores a broken EXIF block too
        return None
    return tags.get(ORIENTATION)
