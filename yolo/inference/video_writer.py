"""Write videos without sound, in a codec that every build of OpenCV has."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.errors import DataError
from yolo.inference.sources.video import frame_count, opencv_log_off
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

CODEC = "mp4v"


class VideoWriter:
    """Write an `.mp4` file, which appears at its path only when it is closed.

    Args:
        path: ends in .mp4.
        fps: frames per second.
        size_wh: width and height, pixels; the codec drops an odd last column or row.

    Raises:
        DataError: OpenCV cannot write such a video.
    """

    def __init__(self, path: Path, fps: float, size_wh: tuple[int, int]) -> None:
        self.path = path
        self.num_frames = 0
        self._size_wh = size_wh
        self._stack = contextlib.ExitStack()
        self._temporary = self._stack.enter_context(atomic_path(path))
        with opencv_log_off():
            self._writer = cv2.VideoWriter(str(self._temporary), cv2.VideoWriter.fourcc(*CODEC), fps, size_wh)
        if not self._writer.isOpened():
            with self._stack:
                raise DataError(f"{path}: this OpenCV cannot write {CODEC} video of {size_wh[0]}x{size_wh[1]} pixels")

    def write(self, image: npt.NDArray[np.uint8], times: int = 1) -> None:
        """Append an image (H, W, 3), BGR, `times` times; an image of another size is resized to the video's."""
        if image.shape[1::-1] != self._size_wh:
            image = np.asarray(cv2.resize(image, self._size_wh), np.uint8)
        for _ in range(times):
            self._writer.write(image)
        self.num_frames += times

    def close(self) -> None:
        """Finish the video, and move it to its path.

        Raises:
            DataError: the video cannot be read back; it is removed.
        """
        self._writer.release()
        with self._stack:
            if self.num_frames and not self._can_be_read_back():
                raise DataError(f"{self.path}: could not be written to its end; is the disk full?")

    def _can_be_read_back(self) -> bool:
        with opencv_log_off():
            capture = cv2.VideoCapture(str(self._temporary))
        count = frame_count(capture) or 0
        capture.release()
        return count >= self.num_frames
