"""What a user names, as sources of pictures."""

from __future__ import annotations

import glob
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from yolo.darknet.data_file import read_lines, resolve_path
from yolo.errors import DataError
from yolo.inference.sources.frame import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from yolo.inference.sources.image_files import PICTURE_MAGIC, EncodedPicture, PictureFile
from yolo.inference.sources.stream import SCHEMES, Camera, Stream
from yolo.inference.sources.video import VideoFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yolo.inference.sources.frame import PictureSource

STDIN = "-"


def open_sources(names: Iterable[str]) -> list[PictureSource]:
    """The sources that names stand for, in order.

    Args:
        names: pictures, videos, folders of both, patterns with * ? [], `.txt` lists of any of these, numbers of
            cameras, addresses of streams, or `-` for what comes on standard input: a picture's bytes or a list.

    Raises:
        DataError: nothing there, or nothing that can be used.
    """
    return [source for name in names for source in _open(name)]


def _open(name: str) -> list[PictureSource]:
    if name == STDIN:
        return _standard_input(sys.stdin.buffer.read())
    if name.isdecimal():
        return [Camera(int(name))]
    if urlsplit(name).scheme in SCHEMES:
        return [Stream(name)]
    path = Path(name).expanduser()
    if path.is_dir():
        return _files(sorted(path.iterdir()), f"{path}: no pictures or videos in this folder")
    if path.is_file():
        return _listed(path) if path.suffix.lower() == ".txt" else [_file(path)]
    if glob.has_magic(name):
        found = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 (** as in shells)
        return _files(found, f"{name}: matches no picture or video")
    raise DataError(f"{path}: no such file or folder; give pictures, videos, folders, or the address of a stream")


def _files(paths: Iterable[Path], problem: str) -> list[PictureSource]:
    """Those of the paths that are pictures and videos by their names."""
    suffixes = PICTURE_SUFFIXES | VIDEO_SUFFIXES
    found = [_file(path) for path in paths if path.suffix.lower() in suffixes and path.is_file()]
    if not found:
        raise DataError(f"{problem} ({', '.join(sorted(suffixes))})")
    return found


def _file(path: Path) -> PictureSource:
    return VideoFile(path) if path.suffix.lower() in VIDEO_SUFFIXES else PictureFile(path)


def _listed(path: Path) -> list[PictureSource]:
    """What a list names, a line each, from the working directory or else from the list's folder."""
    found: list[PictureSource] = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        beside = resolve_path(line, path.parent)
        try:
            found += _open(str(beside) if beside.exists() else line)
        except DataError as error:
            raise DataError(f"{path}:{number}: {error}") from error
    if not found:
        raise DataError(f"{path}: an empty list; give a picture, video or address a line")
    return found


def _standard_input(data: bytes) -> list[PictureSource]:
    if data.startswith(PICTURE_MAGIC):
        return [EncodedPicture(data, "stdin")]
    try:
        names = [line.strip() for line in data.decode("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError("standard input: neither a picture nor a list of names, one a line") from error
    if not names or STDIN in names:
        raise DataError("standard input: give a picture, or a list of names, one a line")
    return open_sources(names)
