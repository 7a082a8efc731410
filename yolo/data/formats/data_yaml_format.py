"""Data sets that a `data.yaml` describes, as annotation tools write it: `path`, `train`, `val`, `test`, `nc`, `names`.

Labels are YOLO text files. Another key that names a folder or list is a further split; what remains is for others.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from yolo.data.formats.data_yaml_file import DataYaml
from yolo.data.formats.folders import find_files, find_folders
from yolo.data.formats.image_list import iterate_image_list, list_origins
from yolo.data.formats.yolo_text import YoloTextFormat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolo.errors import DataError

SUFFIXES = (".yaml", ".yml")
FILE_NAMES = ("data.yaml", "data.yml", "dataset.yaml")  # in a folder
KEY = re.compile(rb"^(\w+):", re.MULTILINE)  # of the top level


class DataYamlFormat(YoloTextFormat):
    """A data set that a `data.yaml` describes: the file, or the folder that it lies in."""

    accepts = "a data.yaml"

    @classmethod
    def matches(cls, path: Path) -> bool:
        return _yaml_file(path) is not None

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = _yaml_file(path) or path
        data_yaml = DataYaml.read(self._file)
        self.names = data_yaml.names
        self.places = data_yaml.splits
        self.splits = tuple(self.places)

    def origins(self, split: str) -> list[Path]:
        places = self.places[split]
        return [self._file, *chain.from_iterable(find_folders(p) if p.is_dir() else list_origins(p) for p in places)]

    def iterate_images(self, split: str) -> Iterator[Path | DataError]:
        found = (find_files(p) if p.is_dir() else iterate_image_list(p) for p in self.places[split])
        return iter(dict.fromkeys(chain.from_iterable(found)))


def _yaml_file(path: Path) -> Path | None:
    """Return the description that a path means: in a folder, by its name, or the only YAML file of the right keys."""
    if not path.is_dir():
        return path if path.suffix.lower() in SUFFIXES and path.is_file() else None
    named = next((path / name for name in FILE_NAMES if (path / name).is_file()), None)
    if named is not None:
        return named
    found = [p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file() and _has_keys(p)]
    return found[0] if len(found) == 1 else None


def _has_keys(path: Path) -> bool:
    keys = set(KEY.findall(path.read_bytes()))
    return b"names" in keys and not keys.isdisjoint((b"train", b"val", b"valid", b"test"))
