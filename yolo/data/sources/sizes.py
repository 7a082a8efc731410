"""Sizes of pictures from their headers: no pixel is decoded."""

from __future__ import annotations

import os
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from yolo.errors import DataError
from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ORIENTATION = 0x0112  # EXIF tag
TRANSPOSED = (5, 6, 7, 8)  # its values that swap width and height


def read_sizes(pictures: Sequence[Path]) -> list[tuple[int, int]]:
    """(width, height) of each picture as displayed, EXIF rotation applied, pixels.

    Raises:
        DataError: a file that is no picture.
    """
    num_threads = min(32, 4 * (os.cpu_count() or 1))  # more than cores: the headers may lie on a network drive
    with ThreadPoolExecutor(num_threads) as pool:
        sizes = pool.map(read_size, pictures)
        return list(progress(sizes, "read image sizes", total=len(pictures), unit=" images", delay=1))


def read_size(picture: Path) -> tuple[int, int]:
    """(width, height) of a picture as displayed, pixels.

    Raises:
        DataError: the file is no picture.
    """
    try:
        with Image.open(picture) as image:
            width, height = image.size
            exif = image.info.get("exif", b"")
    except UnidentifiedImageError as error:
        raise DataError(f"{picture}: is not a picture that can be read; replace it, or take it off the list") from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{picture}: is too large a picture ({error}); scale it down, or take it off the list"
        ) from error
    except OSError as error:
        raise DataError(f"{picture}: cannot be read ({error}); replace it, or take it off the list") from error
    return (height, width) if _orientation(exif) in TRANSPOSED else (width, height)


def _orientation(exif: bytes) -> object:
    tags = Image.Exif()
    try:
        tags.load(exif)
    except (SyntaxError, ValueError, struct.error):  # a broken EXIF block turns nothing, in OpenCV neither
        return None
    return tags.get(ORIENTATION)
