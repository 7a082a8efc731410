"""A cache in a file, which later runs use too. Axes: M images."""

from __future__ import annotations

import hashlib
import os
import zlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from yolo.log import progress
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from yolo.data.cache.slots import Slots
    from yolo.data.index import Index

VERSION = 1  # of the file format
MARK = np.dtype([("stamp", np.uint64), ("checksum", np.uint64)])


class DiskCache:
    """Resized images in one file, after a mark for each.

    A mark is a stamp of the image file and a checksum of the pixels. A slot is used if the stamp is that of the file
    now and the checksum, computed once, is right: neither a replaced image nor a page that was never written is used.
    """

    def __init__(self, slots: Slots, count: int, path: Path, stamps: npt.NDArray[np.uint64]) -> None:
        """Open the file.

        Args:
            slots: the layout.
            count: number of first images that the file has room for; at least 1.
            path: of the file, made by `reserve`.
            stamps: (M,), from `file_stamps`.
        """
        self._slots = slots
        self._count = count
        self._path = path
        self._stamps = stamps
        self._checked = torch.zeros(count, dtype=torch.uint8).share_memory_()  # type: ignore[no-untyped-call]
        self._open()

    def __len__(self) -> int:
        return self._count

    def get(self, i: int) -> npt.NDArray[np.uint8] | None:
        if i >= self._count or self._marks[i]["stamp"] != self._stamps[i]:
            return None
        image = self._slots.view(self._pixels, i)
        checked = self._checked.numpy()
        if not checked[i]:
            if zlib.crc32(image.data) != self._marks[i]["checksum"]:
                return None
            checked[i] = 1
        image.flags.writeable = False
        return image

    def put(self, i: int, image: npt.NDArray[np.uint8]) -> None:
        if i < self._count:
            self._slots.view(self._pixels, i)[:] = image
            self._marks[i] = (self._stamps[i], zlib.crc32(np.ascontiguousarray(image).data))

    def _open(self) -> None:
        self._marks = np.memmap(self._path, MARK, "r+", 0, (len(self._slots),))
        # A plain array: views of np.memmap are slow to make.
        self._pixels = np.asarray(np.memmap(self._path, np.uint8, "r+", bytes_before_pixels(len(self._slots))))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_marks", "_pixels")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open()


def cache_name(index: Index, longer_side: int) -> str:
    """Return the file name, which depends on the images, their order and size, and the decoder."""
    digest = hashlib.blake2b(f"{VERSION} {longer_side} {cv2.__version__}".encode(), digest_size=12)
    for part in (index.path_bytes, index.path_spans, index.image_sizes, index.corners, index.sizes):
        digest.update(np.ascontiguousarray(part).data)
    return f"{digest.hexdigest()}.pixels"


def bytes_before_pixels(num_images: int) -> int:
    """Return the size of the marks."""
    return num_images * MARK.itemsize


def reserve(path: Path, num_bytes: int) -> None:
    """Make a file of zeros and allocate its space if the system can, so that later writes cannot fail."""
    with atomic_path(path) as temporary, temporary.open("r+b") as file:
        file.truncate(num_bytes)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, num_bytes)


def file_stamps(index: Index) -> npt.NDArray[np.uint64]:
    """Return (M,), a number that changes with the image file: its size and its times of modification and change."""
    stamps = np.zeros(len(index), np.uint64)
    for i in progress(range(len(index)), desc="check files", unit=" files", delay=1):
        try:
            status = index.path(i).stat()
        except OSError:  # the decoder reports the error
            continue
        text = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
        stamps[i] = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") | 1
    return stamps
