"""Read all frames of video files in order."""

from __future__ import annotations

import contextlib
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from yolo.errors import DataError
from yolo.inference.sources.frame import Frame, Video

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

MAX_FPS = 240.0  # a higher value is the container's time base, not a frame rate
DEFAULT_FPS = 25.0


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A video file."""

    path: Path
    is_stream: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def num_frames(self) -> int | None:
        with open_video(self.name) as capture:
            return frame_count(capture)

    def frames(self) -> Generator[Frame, None, None]:
        with open_video(self.name) as capture:
            yield from read_frames(capture, self.name)


@contextlib.contextmanager
def open_video(name: str) -> Iterator[cv2.VideoCapture]:
    """Open a video for reading, and release it at the end.

    Raises:
        DataError: it does not open as a video.
    """
    with opencv_log_off():
        capture = cv2.VideoCapture(name)
    try:
        if not capture.isOpened():
            raise DataError(f"{name}: does not open as a video; check the path, or convert it, for example to mp4")
        yield capture
    finally:
        capture.release()


def read_frames(capture: cv2.VideoCapture, name: str) -> Generator[Frame, None, None]:
    """Yield every frame of a video that has an end.

    Raises:
        DataError: no frame decodes.
    """
    video = Video(name, frame_rate(capture, name))
    count, number = frame_count(capture), 0
    while True:
        good, image = capture.read()
        if not good:
            break
        yield Frame(np.asarray(image, np.uint8), name, video, number)
        number += 1
    if number == 0:
        raise DataError(f"{name}: no frame of this video decodes; convert it, for example to mp4")
    if count and count - number > video.fps:  # containers are off by a frame or two
        logger.warning("%s: ends after %d of its %d frames; the file may be cut short", name, number, count)


def frame_count(capture: cv2.VideoCapture) -> int | None:
    """Return the number of frames that the container states; None if it states none, as for a stream."""
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return count if count > 0 else None


def frame_rate(capture: cv2.VideoCapture, name: str) -> float:
    """Return the frames per second that the container states, or a default if the value is implausible."""
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    if math.isfinite(fps) and 0 < fps <= MAX_FPS:
        return fps
    logger.warning("%s: states %g frames per second; %g is assumed", name, fps, DEFAULT_FPS)
    return DEFAULT_FPS


@contextlib.contextmanager
def opencv_log_off() -> Iterator[None]:
    """Silence OpenCV's own messages; callers report failures as errors."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
