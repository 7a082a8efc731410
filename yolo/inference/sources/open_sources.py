"""Turn the names that a user gives (paths, patterns, addresses, ...) into frame sources."""

from __future__ import annotations

import glob
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from yolo.darknet.stated_path import PathFinder
from yolo.data.formats.folders import IMAGE_SUFFIXES
from yolo.errors import DataError
from yolo.inference.sources.frame import VIDEO_SUFFIXES
from yolo.inference.sources.image_files import IMAGE_MAGIC, EncodedImage, ImageAddress, ImageFile
from yolo.inference.sources.stream import SCHEMES, Camera, Stream
from yolo.inference.sources.video import VideoFile
from yolo.storage import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yolo.inference.sources.frame import FrameSource

STDIN = "-"
WEB_SCHEMES = ("http", "https")  # that images are downloaded by


def open_sources(names: Iterable[str]) -> list[FrameSource]:
    """Return the sources for these names, in order.

    Args:
        names: images, videos, folders of both, patterns with * ? [], `.txt` lists of any of these, camera numbers,
            addresses of images and streams, or `-` for standard input: the bytes of an image, or a list.

    Raises:
        DataError: a name matches nothing, or nothing usable.
    """
    return [source for name in names for source in _open(name)]


def _open(name: str) -> list[FrameSource]:
    if name == STDIN:
        return _parse_stdin(sys.stdin.buffer.read())
    if name.isdecimal():
        return [Camera(int(name))]
    address = urlsplit(name)
    if address.scheme in SCHEMES:
        is_image = address.scheme in WEB_SCHEMES and address.path.lower().endswith(IMAGE_SUFFIXES)
        return [ImageAddress(name) if is_image else Stream(name)]
    path = Path(name).expanduser()
    if path.is_dir():
        return _media_files(sorted(path.iterdir()), f"{path}: no images or videos in this folder")
    if path.is_file():
        return _list_entries(path) if path.suffix.lower() == ".txt" else [_file_source(path)]
    if glob.has_magic(name):
        paths = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 (** as in shells)
        return _media_files(paths, f"{name}: matches no image or video")
    raise DataError(f"{path}: no such file or folder; give images, videos, folders or stream addresses")


def _media_files(paths: Iterable[Path], problem: str) -> list[FrameSource]:
    """Return sources for the paths with the suffix of an image or video; `problem` is the error if there are none."""
    suffixes = sorted([*IMAGE_SUFFIXES, *VIDEO_SUFFIXES])
    sources = [_file_source(path) for path in paths if path.suffix.lower() in suffixes and path.is_file()]
    if not sources:
        raise DataError(f"{problem} ({', '.join(suffixes)})")
    return sources


def _file_source(path: Path) -> FrameSource:
    return VideoFile(path) if path.suffix.lower() in VIDEO_SUFFIXES else ImageFile(path)


def _list_entries(path: Path) -> list[FrameSource]:
    """Return the sources in a list, one name per line, as `path_candidates` finds them."""
    sources: list[FrameSource] = []
    finder = PathFinder(path)
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        try:
            sources += _open(str(finder.find(line) or line))
        except DataError as error:
            raise DataError(f"{path}:{number}: {error}") from error
    finder.report()
    if not sources:
        raise DataError(f"{path}: the list is empty; give one image, video or address per line")
    return sources


def _parse_stdin(data: bytes) -> list[FrameSource]:
    if data.startswith(IMAGE_MAGIC):
        return [EncodedImage(data, "stdin")]
    try:
        names = [line.strip() for line in data.decode("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError("standard input: neither an image nor a list of names, one per line") from error
    if not names or STDIN in names:
        raise DataError("standard input: give an image, or a list of names, one per line")
    return open_sources(names)
