"""Frames of video files, in order."""

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

FASTEST = 240.0  # frames a second; more is a container's clock, not a rate
USUAL = 25.0


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A video in a file."""

    path: Path
    live: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def total(self) -> int | None:
        with opened(self.name) as capture:
            return frame_count(capture)

    def frames(self) -> Generator[Frame, None, None]:
        with opened(self.name) as capture:
            yield from frames(capture, self.name)


@contextlib.contextmanager
def opened(name: str) -> Iterator[cv2.VideoCapture]:
    """A video for reading.

    Raises:
        DataError: it is none.
    """
    with quiet():
        capture = cv2.VideoCapture(name)
    try:
        if not capture.isOpened():
            raise DataError(f"{name}: does not open as a video; check the path, or convert it, to mp4 say")
        yield capture
    finally:
        capture.release()


def frames(capture: cv2.VideoCapture, name: str) -> Generator[Frame, None, None]:
    """Every frame of a video of known end."""
    video = Video(name, frame_rate(capture, name))
    count, number = frame_count(capture), 0
    while True:
        good, image = capture.read()
        if not good:
            break
        yield Frame(np.asarray(image, np.uint8), name, video, number)
        number += 1
    if number == 0:
        raise DataError(f"{name}: no frame of this video decodes; convert it, to mp4 say")
    if count and count - number > video.fps:  # containers are off by a frame or two
        logger.warning("%s: ends after %d of its %d frames; it may be cut short", name, number, count)


def frame_count(capture: cv2.VideoCapture) -> int | None:
    """Frames that the container claims; None where it does not, as with a stream."""
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return count if count > 0 else None


def frame_rate(capture: cv2.VideoCapture, name: str) -> float:
    """Frames a second that the container claims, or a usual number where it makes no sense."""
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    if math.isfinite(fps) and 0 < fps <= FASTEST:
        return fps
    logger.warning("%s: says it has %g frames a second; taken as %g", name, fps, USUAL)
    return USUAL


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """OpenCV without its own messages: what fails is said by our errors."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
