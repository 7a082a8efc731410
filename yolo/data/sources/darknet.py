"""Darknet data sets: a `.data` file, image lists, and YOLO text labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.darknet.data import DataFile, read_lines, resolve_path, warn_if_ambiguous
from yolo.data.labels import label_path, read_yolo
from yolo.data.sources.base import Source
from yolo.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from yolo.data.labels import Labels


class DarknetSource(Source):
    """A data set that a `.data` file describes."""

    accepts = "a Darknet .data file"

    @classmethod
    def matches(cls, path: Path) -> bool:
        return path.suffix == ".data" and path.is_file()

    def __init__(self, path: Path) -> None:
        self._file = DataFile.read(path)
        self.path = path
        self.names = self._file.names
        self.splits = tuple(self._file.splits)

    def pictures(self, split: str) -> list[Path]:
        image_list = self._file.splits[split]
        if not image_list.path.is_file():
            folder = self.path.parent
            raise DataError(f"{image_list.where}: no such image list here or in {folder}; correct the path or add it")
        return read_image_list(image_list.path)

    def labels(self, picture: Path, width: int, height: int) -> Labels | None:
        path = label_path(picture)
        return read_yolo(path, len(self.names), width, height) if path else None


def read_image_list(path: Path) -> list[Path]:
    """Pictures that a text file lists, one path a line, from the working directory or else from the list's folder.

    Raises:
        DataError: the list cannot be read, or a picture does not exist.
    """
    pictures: list[Path] = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        if not pictures:
            warn_if_ambiguous(line, path.parent, f"{path}:{number}")
        picture = resolve_path(line, path.parent)
        if not picture.is_file():
            raise DataError(f"{path}:{number}: '{line}': no such image here or in {path.parent}; correct the path")
        pictures.append(picture)
    return pictures
