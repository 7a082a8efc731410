"""Darknet data sets: a `.data` file, image lists, and YOLO text labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.darknet.data_file import DataFile
from yolo.data.formats.image_list import list_origins, read_image_list
from yolo.data.formats.yolo_text import YoloTextSource
from yolo.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


class DarknetSource(YoloTextSource):
    """A data set that a `.data` file describes."""

    accepts = "a Darknet .data file"

    @classmethod
    def matches(cls, path: Path) -> bool:
        return path.suffix == ".data" and path.is_file()

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = DataFile.read(path)
        self.names = self._file.names
        self.places = {split: (image_list.path,) for split, image_list in self._file.splits.items()}
        self.splits = tuple(self.places)

    def origins(self, split: str) -> list[Path]:
        return [self.path, self._file.names_path, *list_origins(self._file.splits[split].path)]

    def images(self, split: str) -> list[Path]:
        image_list = self._file.splits[split]
        if not image_list.path.is_file():
            folder = self.path.parent
            raise DataError(f"{image_list.where}: no such image list here or in {folder}; correct the path or add it")
        return read_image_list(image_list.path)
