"""Folders of images, with YOLO text labels or without.

The sub-folders `train`, `val` and `test`, of the folder or of `images` in it, are the splits; without such, all
images are the split "all".
"""

from __future__ import annotations

import logging
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from yolo.data.formats.folders import ALL, find_files, find_folders, names_files, read_folder_names, split_folders
from yolo.data.formats.yolo_text import YoloTextFormat
from yolo.data.labels import label_candidates, read_class_id
from yolo.log import progress
from yolo.storage import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)

MAX_CLASSES = 10_000  # of data sets without class names: a larger class id is a mistake


class ImageFolderFormat(YoloTextFormat):
    """A folder of images.

    The class names are those of the one file `classes.txt`, `labels.txt`, `_darknet.labels` or `*.names` in the folder
    or in `labels`, or else of those in the folders of the splits, which must be equal; without such a file, the classes
    are called by their numbers.
    """

    accepts = "a folder of images"

    @classmethod
    def matches(cls, path: Path) -> bool:
        return path.is_dir() and bool(find_files(path))

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        images = path / "images"
        folders = split_folders(path) or (images.is_dir() and split_folders(images)) or {ALL: path}
        self.places = {split: (folder,) for split, folder in folders.items()}
        self.splits = tuple(self.places)
        self._given_names = read_folder_names(self._names_folders[:2]) or read_folder_names(self._names_folders[2:])

    @cached_property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]  # read at the first use, which may never come
        return self._given_names or self._numbers()

    def origins(self, split: str) -> list[Path]:
        named = [path for folder in self._names_folders for path in (folder, *names_files(folder))]
        folders = [self.path / "images", *find_folders(*self.places[split])]
        return named + folders + ([] if self._given_names else self._all_label_files)

    def iterate_images(self, split: str) -> Iterator[Path]:
        (folder,) = self.places[split]
        return iter(find_files(folder))

    @cached_property
    def _names_folders(self) -> list[Path]:
        """The folders that may hold a file of class names; the first two hold it for all splits."""
        folders = [self.path, self.path / "labels"]
        for folder in chain.from_iterable(self.places.values()):
            folders += [folder, folder / "labels", folder / "images", self.path / "labels" / folder.name]
        return list(dict.fromkeys(folders))

    @cached_property
    def _all_label_files(self) -> list[Path]:
        images = [image for split in self.splits for image in self.images(split)]
        bar = progress(images, "find labels", unit=" files", delay=1)
        return [path for image in bar for path in label_candidates(image)]

    def _numbers(self) -> tuple[str, ...]:
        """As many names as the largest class id of any split needs."""
        largest = -1
        for path in progress(self._all_label_files, "count classes", unit=" files", delay=1):
            lines = read_lines(path) if path.is_file() else []
            ids = (read_class_id(line.split(maxsplit=1)[0]) for line in lines if line)
            largest = max([largest, *(i for i in ids if i is not None and i < MAX_CLASSES)])
        if largest >= 0:
            _log.info("%s: has no classes.txt: its %d classes are called by their numbers", self.path, largest + 1)
        return tuple(map(str, range(largest + 1)))
