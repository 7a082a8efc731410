"""Pictures from files, from bytes and from memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from yolo.data.decode import decode_picture, read_picture
from yolo.inference.sources.frame import Picture

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

# How the files begin that OpenCV decodes.
PICTURE_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"RIFF", b"II*\0", b"MM\0*", b"GIF8")


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture in a file."""

    path: Path
    total: ClassVar[int] = 1
    live: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return str(self.path)

    def pictures(self) -> Generator[Picture, None, None]:
        yield Picture(read_picture(self.path), self.name)


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """The bytes of a picture file."""

    data: bytes
    name: str
    total: ClassVar[int] = 1
    live: ClassVar[bool] = False

    def pictures(self) -> Generator[Picture, None, None]:
        yield Picture(decode_picture(self.name, self.data), self.name)


@dataclass(frozen=True, slots=True, eq=False)
class PictureArray:
    """A picture in memory: (H, W, 3), BGR."""

    image: npt.NDArray[np.uint8]
    name: str
    total: ClassVar[int] = 1
    live: ClassVar[bool] = False

    def pictures(self) -> Generator[Picture, None, None]:
        yield Picture(self.image, self.name)
