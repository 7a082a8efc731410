"""Videos on disk: whole, of one size and rate, in a codec that OpenCV has everywhere. Sound is not kept."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.errors import DataError
from yolo.inference.sources.video import frame_count, quiet
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

CODEC = "mp4v"


class VideoWriter:
    """An `.mp4` that is in its place when it is closed, and not before.

    Args:
        path: ends in .mp4.
        fps: frames a second.
        size_wh: width and height, pixels; the codec drops an odd last column or row.

    Raises:
        DataError: OpenCV cannot write such a video.
    """

    def __init__(self, path: Path, fps: float, size_wh: tuple[int, int]) -> None:
        self.path = path
        self.num_frames = 0
        self._size_wh = size_wh
        self._stack = contextlib.ExitStack()
        temporary = self._stack.enter_context(atomic_path(path))
        self._temporary = temporary
        with quiet():
            self._writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*CODEC), fps, size_wh)
        if not self._writer.isOpened():
            with self._stack:
                raise DataError(f"{path}: this OpenCV cannot write {CODEC} video of {size_wh[0]}x{size_wh[1]} pixels")

    def write(self, image: npt.NDArray[np.uint8], times: int = 1) -> None:
        """Append an image (H, W, 3), BGR, `times` times; it is resized if it is not of the video's size."""
        if image.shape[1::-1] != self._size_wh:
            image = np.asarray(cv2.resize(image, self._size_wh), np.uint8)
        for _ in range(times):
            self._writer.write(image)
        self.num_frames += times

    def close(self) -> None:
        """End the video and put it in its place.

        Raises:
            DataError: it does not read back; it is removed.
        """
        self._writer.release()
        with self._stack:
            if self.num_frames and not self._reads_back():
                raise DataError(f"{self.path}: could not be written to its end; is the disk full?")

    def _reads_back(self) -> bool:
        with quiet():
            capture = cv2.VideoCapture(str(self._temporary))
        found = frame_count(capture) or 0
        capture.release()
        return found >= self.num_frames
