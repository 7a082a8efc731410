"""Cameras and network streams: the newest frame when one is asked for, and a new connection when one is lost."""

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
from yolo.inference.sources.video import frame_count, frame_rate, frames, quiet

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy.typing as npt

logger = logging.getLogger(__name__)

TIMEOUT_MS = 10_000
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)  # before each further try to connect
SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp")


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera of this machine, by number."""

    number: int
    total: ClassVar[None] = None
    live: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"camera {self.number}"

    def frames(self) -> Generator[Frame, None, None]:
        with quiet():
            capture = cv2.VideoCapture(self.number)
        if not capture.isOpened():
            raise DataError(f"{self.name}: cannot be opened; is it plugged in, and not used by another program?")
        yield from newest_frames(capture, self.name, 0)
        raise DataError(f"{self.name}: gives no more frames; was it unplugged?")


@dataclass(frozen=True, slots=True)
class Stream:
    """A network stream by its address, or a video file behind one, of which every frame is given."""

    address: str
    pauses_s: tuple[float, ...] = PAUSES_S
    total: ClassVar[None] = None
    live: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return self.address

    def frames(self) -> Generator[Frame, None, None]:
        number, failures = 0, 0
        while True:
            capture = _connect(self.address)
            if capture.isOpened() and frame_count(capture):
                yield from frames(capture, self.name)
                return
            if capture.isOpened():
                for image in newest_frames(capture, self.name, number):
                    number, failures = image.number + 1, 0
                    yield image
            if number == 0:
                raise DataError(f"{self.name}: gives no image; check the address, and that it is reached from here")
            if failures == len(self.pauses_s):
                raise DataError(
                    f"{self.name}: lost after frame {number}; {failures} tries to connect again failed "
                    f"within {sum(self.pauses_s):g} s"
                )
            logger.warning("%s: lost after frame %d; trying again in %g s", self.name, number, self.pauses_s[failures])
            time.sleep(self.pauses_s[failures])
            failures += 1


def newest_frames(capture: cv2.VideoCapture, name: str, first: int) -> Generator[Frame, None, None]:
    """Frames of a connection until it ends; those that come while the last one is in use are counted and left out."""
    video = Video(name, frame_rate(capture, name))
    newest = _Newest(capture)
    try:
        while (found := newest.wait()) is not None:
            yield Frame(found[1], name, video, first + found[0])
    finally:
        newest.close()


class _Newest:
    """Reads a capture in a thread and keeps the newest frame alone, so that no queue of old ones grows."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self._changed = threading.Condition()
        self._frame: tuple[int, npt.NDArray[np.uint8]] | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self) -> tuple[int, npt.NDArray[np.uint8]] | None:
        """Number, from 0, and pixels of a frame that was not given before; None when there are no more."""
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
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
    with quiet():
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
