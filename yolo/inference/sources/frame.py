"""An image that was read, and what gives such images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    import numpy.typing as npt

IMAGE_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
VIDEO_SUFFIXES = {".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv"}


@dataclass(frozen=True, slots=True)
class Video:
    """What an image is a frame of."""

    name: str  # its file or address
    fps: float  # frames a second


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """An image, and where it is from."""

    image: npt.NDArray[np.uint8]  # (H, W, 3), BGR
    name: str  # of its file, video or stream, as messages and results call it
    video: Video | None = None
    number: int = 0  # its number in the video, from 0; a stream counts those that came too fast, too

    @property
    def stem(self) -> str:
        """A name for files about it, without a suffix."""
        return file_stem(self.name) + (f"_{self.number:06d}" if self.video else "")

    @property
    def suffix(self) -> str:
        """Of an image file for it."""
        own = Path(self.name).suffix
        return own if own.lower() in IMAGE_SUFFIXES else ".jpg"


def file_stem(name: str) -> str:
    """A file's name without folder and suffix; of an address or device its letters and digits."""
    address = urlsplit(name)
    stem = (address.hostname or "") + address.path if "://" in name else Path(name).stem
    return re.sub(r"[^\w.-]+", "-", stem).strip("-") or "image"


class FrameSource(Protocol):
    """What the programs and the Python interface read images from."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def total(self) -> int | None:
        """How many images it gives, as far as is known."""

    @property
    def live(self) -> bool:
        """Whether images come in their own time, so that a late reader loses some."""

    def frames(self) -> Generator[Frame, None, None]:
        """Its images in order.

        Raises:
            DataError: one cannot be read.
        """
