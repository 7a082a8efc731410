"""Cameras and network streams: always the latest frame, and reconnection when a stream is lost."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from yolo.errors import DataError
from yolo.inference.sources.frame import Frame, Video
from yolo.inference.sources.video import frame_count, frame_rate, opencv_log_off, read_frames

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy.typing as npt

logger = logging.getLogger(__name__)

TIMEOUT_MS = 10_000
RECONNECT_DELAYS_S = (1.0, 2.0, 4.0, 8.0, 16.0)  # before each attempt to reconnect
SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp")


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera of this machine, by number."""

    number: int
    num_frames: ClassVar[None] = None
    is_stream: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"camera {self.number}"

    def frames(self) -> Generator[Frame, None, None]:
        with opencv_log_off():
            capture = cv2.VideoCapture(self.number)
        if not capture.isOpened():
            raise DataError(f"{self.name}: cannot be opened; is it plugged in, and not used by another program?")
        yield from latest_frames(capture, self.name, 0)
        raise DataError(f"{self.name}: delivers no more frames; was it unplugged?")


@dataclass(frozen=True, slots=True)
class Stream:
    """A network stream by its address; of a video file behind an address, every frame is read."""

    address: str
    reconnect_delays_s: tuple[float, ...] = RECONNECT_DELAYS_S
    num_frames: ClassVar[None] = None
    is_stream: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return self.address

    def frames(self) -> Generator[Frame, None, None]:
        number, failures = 0, 0
        while True:
            capture = _connect(self.address)
            if capture.isOpened() and frame_count(capture):
                yield from read_frames(capture, self.name)
                return
            if capture.isOpened():
                for frame in latest_frames(capture, self.name, number):
                    number, failures = frame.number + 1, 0
                    yield frame
            if number == 0:
                raise DataError(f"{self.name}: no image received; check the address, and that it is reachable")
            if failures == len(self.reconnect_delays_s):
                raise DataError(
                    f"{self.name}: lost after frame {number}; {failures} attempts to reconnect failed "
                    f"within {sum(self.reconnect_delays_s):g} s"
                )
            delay_s = self.reconnect_delays_s[failures]
            logger.warning("%s: lost after frame %d; reconnecting in %g s", self.name, number, delay_s)
            time.sleep(delay_s)
            failures += 1


def latest_frames(capture: cv2.VideoCapture, name: str, first_number: int) -> Generator[Frame, None, None]:
    """Yield the latest frame each time, until the connection ends; frames that arrive between are counted, not kept."""
    video = Video(name, frame_rate(capture, name))
    reader = _LatestFrameReader(capture)
    try:
        while (latest := reader.wait()) is not None:
            number, image = latest
            yield Frame(image, name, video, first_number + number)
    finally:
        reader.close()


class _LatestFrameReader:
    """Read a capture in a thread and keep only the latest frame, so that no queue of old frames grows."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self._changed = threading.Condition()
        self._frame: tuple[int, npt.NDArray[np.uint8]] | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self) -> tuple[int, npt.NDArray[np.uint8]] | None:
        """Wait for a new frame; return its number, from 0, and its pixels, or None when there are no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended)
            frame, self._frame = self._frame, None
        return frame

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        self._capture.release()

    def _read(self) -> None:
        number = 0
        while not self._ended:
            good, image = self._capture.read()
            with self._changed:
                if good:
                    self._frame = (number, np.asarray(image, np.uint8))
                else:
                    self._ended = True
                self._changed.notify_all()
            number += 1


def _connect(address: str) -> cv2.VideoCapture:
    options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
    with opencv_log_off():
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, options)
