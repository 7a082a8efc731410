"""Darknet data sets: a `.data` file, image lists, and YOLO text labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.darknet.data_file import DataFile
from yolo.data.formats.image_list import iterate_image_list, list_origins
from yolo.data.formats.yolo_text import YoloTextFormat
from yolo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class DarknetFormat(YoloTextFormat):
    """A data set that a `.data` file describes: the file, or the folder that holds it and no other `.data`."""

    accepts = "a Darknet .data file"

    @classmethod
    def matches(cls, path: Path) -> bool:
        return _data_file(path) is not None

    def __init__(self, path: Path) -> None:
        super().__init__(_data_file(path) or path)
        self._file = DataFile.read(self.path)
        self.names = self._file.names
        self.places = {split: (image_list.path,) for split, image_list in self._file.splits.items()}
        self.splits = tuple(self.places)

    def origins(self, split: str) -> list[Path]:
        return [self.path, self._file.names_path, *list_origins(self._file.splits[split].path)]

    def iterate_images(self, split: str) -> Iterator[Path | DataError]:
        image_list = self._file.splits[split]
        if image_list.path.is_file():
            return iterate_image_list(image_list.path)
        text = f"no such image list here or in {self.path.parent}; correct the path or add it"
        return iter([DataError(f"{image_list.where}: {text}")])


def _data_file(path: Path) -> Path | None:
    found = [p for p in path.glob("*.data") if p.is_file()] if path.is_dir() else [path]
    return found[0] if len(found) == 1 and found[0].suffix == ".data" and found[0].is_file() else None
