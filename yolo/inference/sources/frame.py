"""One frame (an image with its name), and the interface of the sources that yield frames."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from yolo.data.formats.folders import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    import numpy.typing as npt

VIDEO_SUFFIXES = (".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv")


@dataclass(frozen=True, slots=True)
class Video:
    """The video or stream that a frame is from."""

    name: str  # its file or address
    fps: float  # frames per second


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """An image with its origin."""

    image: npt.NDArray[np.uint8]  # (H, W, 3), BGR
    name: str  # of its file, video or stream, for messages and results
    video: Video | None = None
    number: int = 0  # its number in the video, from 0; in a stream, skipped frames count too

    @property
    def stem(self) -> str:
        """File name without suffix for files about this frame."""
        return file_stem(self.name) + (f"_{self.number:06d}" if self.video else "")

    @property
    def suffix(self) -> str:
        """Suffix for an image file of this frame."""
        own = Path(self.name).suffix
        return own if own.lower() in IMAGE_SUFFIXES else ".jpg"


def file_stem(name: str) -> str:
    """Return a file's name without folder and suffix, or the letters and digits of an address or device."""
    address = urlsplit(name)
    path = Path(address.path)
    path = path.with_suffix("") if path.suffix.lower() in IMAGE_SUFFIXES else path
    stem = (address.hostname or "") + path.as_posix() if "://" in name else Path(name).stem
    return re.sub(r"[^\w.-]+", "-", stem).strip("-") or "image"


class FrameSource(Protocol):
    """A file, array, camera or stream that yields frames."""

    @property
    def name(self) -> str:
        """The name for messages."""

    @property
    def num_frames(self) -> int | None:
        """Number of frames; None if unknown."""

    @property
    def is_stream(self) -> bool:
        """True if frames arrive in real time, so that a slow reader skips some, and may never end."""

    def frames(self) -> Generator[Frame, None, None]:
        """Yield the frames in order.

        Raises:
            DataError: a frame cannot be read.
        """
