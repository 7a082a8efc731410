"""Darknet's `.weights` files: a header, then float32 values layer by layer. Knows no module.

Source: AlexeyAB/darknet src/parser.c load_weights_upto, save_weights_upto (59596d78).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolo.errors import WeightsError
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

VERSION = struct.Struct("<3i")  # major, minor, revision
TRANSPOSED_ABOVE = 1000  # a larger major or minor version: matrices of connected layers are stored transposed
MAX_VERSION_NUMBER = 9999  # a file with a larger number is not a weights file
MAX_HEADER_BYTES = 20  # bytes


@dataclass(frozen=True, slots=True)
class WeightsHeader:
    """The start of a `.weights` file."""

    major: int = 0
    minor: int = 2
    revision: int = 5
    seen: int = 0  # number of training images so far

    @property
    def seen_format(self) -> struct.Struct:
        return struct.Struct("<q" if self.major * 10 + self.minor >= 2 else "<i")

    @property
    def transposed(self) -> bool:
        """True if the matrices of connected layers are stored (in, out)."""
        return max(self.major, self.minor) > TRANSPOSED_ABOVE

    def to_bytes(self) -> bytes:
        return VERSION.pack(self.major, self.minor, self.revision) + self.seen_format.pack(self.seen)


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """Content of a `.weights` file, values not yet assigned to layers."""

    path: Path
    header: WeightsHeader
    values: npt.NDArray[np.float32]  # (N,)


def read_weights(path: Path) -> WeightsFile:
    """Read a `.weights` file.

    Raises:
        WeightsError: no such file, no valid header, or a size that is not a whole number of values.
    """
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror}; check --weights") from error
    header = parse_weights_header(data[:MAX_HEADER_BYTES].tobytes(), path)
    start = len(header.to_bytes())
    if (len(data) - start) % 4:
        raise WeightsError(
            f"{path}: truncated: {len(data)} bytes are not a header of {start} bytes and 4-byte values; "
            "download it again"
        )
    return WeightsFile(path, header, data[start:].view("<f4"))


def parse_weights_header(start: bytes, path: Path) -> WeightsHeader:
    """Read the header of a `.weights` file.

    Args:
        start: the first `MAX_HEADER_BYTES` bytes of the file.
        path: for messages.

    Raises:
        WeightsError: not a valid header.
    """
    problem = f"{path}: not a Darknet weights file"
    if len(start) < VERSION.size:
        raise WeightsError(f"{problem}: {len(start)} bytes are too few for the header; download it again")
    major, minor, revision = VERSION.unpack_from(start)
    if not (0 <= major <= MAX_VERSION_NUMBER and 0 <= minor <= MAX_VERSION_NUMBER):
        raise WeightsError(f"{problem}: its header says version {major}.{minor}.{revision}; expected 0.1.0 to 0.2.5")
    seen = WeightsHeader(major, minor, revision).seen_format
    if len(start) < VERSION.size + seen.size:
        raise WeightsError(f"{problem}: it ends inside the header; download it again")
    return WeightsHeader(major, minor, revision, seen.unpack_from(start, VERSION.size)[0])


def write_weights(path: Path, header: WeightsHeader, arrays: Iterable[npt.NDArray[np.float32]]) -> None:
    """Write a `.weights` file atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(header.to_bytes())
        for array in arrays:
            file.write(np.ascontiguousarray(array, dtype="<f4").tobytes())
