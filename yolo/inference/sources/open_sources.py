"""What a user names, as sources of images."""

from __future__ import annotations

import glob
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from yolo.darknet.data_file import read_lines, resolve_path
from yolo.errors import DataError
from yolo.inference.sources.frame import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from yolo.inference.sources.image_files import IMAGE_MAGIC, EncodedImage, ImageFile
from yolo.inference.sources.stream import SCHEMES, Camera, Stream
from yolo.inference.sources.video import VideoFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yolo.inference.sources.frame import FrameSource

STDIN = "-"


def open_sources(names: Iterable[str]) -> list[FrameSource]:
    """The sources that names stand for, in order.

    Args:
        names: images, videos, folders of both, patterns with * ? [], `.txt` lists of any of these, numbers of
            cameras, addresses of streams, or `-` for what comes on standard input: an image's bytes or a list.

    Raises:
        DataError: nothing there, or nothing that can be used.
    """
    return [source for name in names for source in _open(name)]


def _open(name: str) -> list[FrameSource]:
    if name == STDIN:
        return _standard_input(sys.stdin.buffer.read())
    if name.isdecimal():
        return [Camera(int(name))]
    if urlsplit(name).scheme in SCHEMES:
        return [Stream(name)]
    path = Path(name).expanduser()
    if path.is_dir():
        return _files(sorted(path.iterdir()), f"{path}: no images or videos in this folder")
    if path.is_file():
        return _listed(path) if path.suffix.lower() == ".txt" else [_file(path)]
    if glob.has_magic(name):
        found = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 (** as in shells)
        return _files(found, f"{name}: matches no image or video")
    raise DataError(f"{path}: no such file or folder; give images, videos, folders, or the address of a stream")


def _files(paths: Iterable[Path], problem: str) -> list[FrameSource]:
    """Those of the paths that are images and videos by their names."""
    suffixes = IMAGE_SUFFIXES | VIDEO_SUFFIXES
    found = [_file(path) for path in paths if path.suffix.lower() in suffixes and path.is_file()]
    if not found:
        raise DataError(f"{problem} ({', '.join(sorted(suffixes))})")
    return found


def _file(path: Path) -> FrameSource:
    return VideoFile(path) if path.suffix.lower() in VIDEO_SUFFIXES else ImageFile(path)


def _listed(path: Path) -> list[FrameSource]:
    """What a list names, a line each, from the working directory or else from the list's folder."""
    found: list[FrameSource] = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        beside = resolve_path(line, path.parent)
        try:
            found += _open(str(beside) if beside.exists() else line)
        except DataError as error:
            raise DataError(f"{path}:{number}: {error}") from error
    if not found:
        raise DataError(f"{path}: an empty list; give an image, video or address a line")
    return found


def _standard_input(data: bytes) -> list[FrameSource]:
    if data.startswith(IMAGE_MAGIC):
        return [EncodedImage(data, "stdin")]
    try:
        names = [line.strip() for line in data.decode("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError("standard input: neither an image nor a list of names, one a line") from error
    if not names or STDIN in names:
        raise DataError("standard input: give an image, or a list of names, one a line")
    return open_sources(names)
