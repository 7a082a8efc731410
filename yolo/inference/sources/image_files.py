"""Sources of one image: a file, an address, the bytes of a file, or an array."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from yolo.data.decode import decode_image, read_image
from yolo.inference.sources.frame import Frame, file_stem
from yolo.remote.download import download

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    import numpy.typing as npt

# First bytes of the image formats that OpenCV decodes.
IMAGE_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"RIFF", b"II*\0", b"MM\0*", b"GIF8")


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file."""

    path: Path
    num_frames: ClassVar[int] = 1
    is_stream: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return str(self.path)

    def frames(self) -> Generator[Frame, None, None]:
        yield Frame(read_image(self.path), self.name)


@dataclass(frozen=True, slots=True)
class ImageAddress:
    """An image file behind an address, downloaded when it is needed."""

    address: str
    num_frames: ClassVar[int] = 1
    is_stream: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return self.address

    def frames(self) -> Generator[Frame, None, None]:
        with tempfile.TemporaryDirectory(prefix="yolo-") as folder:
            path = Path(folder, file_stem(self.address))
            download(self.address, path)
            data = path.read_bytes()
        yield Frame(decode_image(self.address, data), self.address)


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """The bytes of an image file."""

    data: bytes
    name: str
    num_frames: ClassVar[int] = 1
    is_stream: ClassVar[bool] = False

    def frames(self) -> Generator[Frame, None, None]:
        yield Frame(decode_image(self.name, self.data), self.name)


@dataclass(frozen=True, slots=True, eq=False)
class ImageArray:
    """An image in memory: (H, W, 3), BGR."""

    image: npt.NDArray[np.uint8]
    name: str
    num_frames: ClassVar[int] = 1
    is_stream: ClassVar[bool] = False

    def frames(self) -> Generator[Frame, None, None]:
        yield Frame(self.image, self.name)
