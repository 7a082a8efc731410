"""Read one image file completely: OpenCV decodes a truncated JPEG without an error, and fills the rest with grey."""

from __future__ import annotations

import hashlib
import io
import struct
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from yolo.data.formats.sizes import ORIENTATION, TRUNCATED
from yolo.dataset_tools.check.scan import ImageInfo, Problem
from yolo.remote.streaming import read_file

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = {  # Pillow's name of a format -> its suffixes, the usual one first
    "BMP": (".bmp", ".dib"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
UPRIGHT = 1  # value of the EXIF orientation tag: no rotation


def read_image_info(path: Path) -> tuple[ImageInfo, list[Problem]]:
    """Return content and size of an image file, and its problems."""
    try:
        data = read_file(path)
    except OSError as error:
        return _undecodable(b""), [Problem("corrupt", str(path), f"cannot be read: {error.strerror}", path)]
    try:
        with Image.open(io.BytesIO(data)) as opened:
            suffixes = SUFFIXES.get(opened.format or "", ())
            orientation = _orientation(opened)
            opened.load()
    except UnidentifiedImageError:
        text = "is empty" if not data else "is not an image"
        return _undecodable(data), [Problem("corrupt", str(path), text, path)]
    except (*TRUNCATED, Image.DecompressionBombError) as error:
        kind = "truncated" if "trunc" in str(error).lower() else "corrupt"
        return _undecodable(data), [Problem(kind, str(path), str(error), path)]  # type: ignore[arg-type]
    image = _decode(data)
    if image is None:
        return _undecodable(data), [Problem("corrupt", str(path), "OpenCV cannot decode it", path)]
    info = ImageInfo(
        content_hash=_hash(data),
        pixel_hash=_hash(image.tobytes(), str(image.shape)),
        width=image.shape[1],
        height=image.shape[0],
        corrected_suffix="" if not suffixes or path.suffix.lower() in suffixes else suffixes[0],
        is_rotated=orientation != UPRIGHT,
    )
    return info, []


def _decode(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
    """Decode an image as training does; None if OpenCV cannot."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else np.ascontiguousarray(image)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION, UPRIGHT)
    except (SyntaxError, ValueError, struct.error):  # a broken EXIF block is ignored
        return UPRIGHT
    return value if value in range(2, 9) else UPRIGHT


def _undecodable(data: bytes) -> ImageInfo:
    return ImageInfo(content_hash=_hash(data), pixel_hash=0, width=0, height=0, corrected_suffix="", is_rotated=False)


def _hash(data: bytes, extra: str = "") -> int:
    digest = hashlib.blake2b(data, digest_size=8, person=extra.encode()[:16])
    return int.from_bytes(digest.digest(), "little") or 1
