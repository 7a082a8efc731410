"""PASCAL VOC folders: Annotations/*.xml, JPEGImages/ and ImageSets/Main/*.txt.

Coordinates are taken as they lie, as continuous pixel coordinates: VOC's own 1-based integers are not shifted.
A folder without image sets has one split, "all": every image that has an annotation.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from yolo.data.formats.dataset_format import DatasetFormat
from yolo.data.formats.folders import (
    ALL,
    IMAGE_SUFFIXES,
    find_files,
    find_folders,
    names_files,
    read_folder_names,
    train_first,
)
from yolo.data.formats.voc_annotation import VocAnnotation, read_voc_annotation
from yolo.errors import DataError, MissingImageError
from yolo.log import progress
from yolo.storage import read_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from yolo.data.labels import Labels

CLASS_LIST_ROW = re.compile(r"\S+\s+(-1|0|1)")  # VOC's lists per class (cat_train.txt): an image and a flag


class VocFormat(DatasetFormat):
    """A data set in the folders of PASCAL VOC.

    The class names are those of the one file `classes.txt`, `labels.txt` or `*.names` in the folder; without such a
    file, all object names of all annotations, sorted, so that the splits agree.
    """

    accepts = "a VOC folder (with Annotations/ and JPEGImages/)"

    @classmethod
    def matches(cls, path: Path) -> bool:
        return (path / "Annotations").is_dir() and (path / "JPEGImages").is_dir()

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._annotations: dict[str, VocAnnotation] = {}
        self._given_names = read_folder_names(path)
        lists = {p.stem: p for p in sorted((path / "ImageSets" / "Main").glob("*.txt")) if not self._is_class_list(p)}
        self._lists = train_first(lists)
        self.splits = tuple(self._lists) or (ALL,)

    @cached_property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]  # read at the first use, which may never come
        return self._given_names or self._names_in_annotations()

    def origins(self, split: str) -> list[Path]:
        folders = [self.path, self.path / "ImageSets" / "Main", *find_folders(self.path / "JPEGImages")]
        folders += find_folders(self.path / "Annotations")
        files = [*names_files(self.path), *self._lists.values()]
        return folders + files + ([] if self._given_names else self._xml_files())

    def iterate_images(self, split: str) -> Iterator[Path | DataError]:
        folder = self.path / "JPEGImages"
        for stem, where in self._listed(split):
            found = self._images.get(stem, [])
            if not found:
                yield MissingImageError(f"{where}: no image '{stem}.*' in {folder}; add it or drop the line")
            if len(found) > 1:
                names = ", ".join(p.name for p in found)
                yield MissingImageError(f"{where}: '{stem}' may be any of {names} in JPEGImages; keep one of them")
            yield from found[:1]

    def label_files(self, image: Path) -> list[Path]:
        return [self._xml_path(self._stem(image))]

    def read_labels(self, image: Path, width: int, height: int) -> tuple[Labels | None, list[DataError]]:
        stem = self._stem(image)
        return self._annotation(stem).labels(self.names) if self._xml_path(stem).is_file() else (None, [])

    def find_label_files(self, used: Collection[Path]) -> list[Path]:
        del used
        return self._xml_files()

    def take_readable_names(self) -> None:
        names: set[str] = set()
        for stem in progress(self._annotated, "read annotations", unit=" files", delay=1):
            with suppress(DataError):  # `read_labels` reports it
                names |= {entry.name for entry in self._annotation(stem).objects}
        self.names = self._given_names or tuple(sorted(names))

    def _xml_files(self) -> list[Path]:
        """Return all annotation files, of any split and of none."""
        return [self._xml_path(stem) for stem in self._annotated]

    def _listed(self, split: str) -> list[tuple[str, str]]:
        """Return the image stems of a split, and the file, and line, that names each."""
        if not self._lists:
            return [(stem, str(self._xml_path(stem))) for stem in self._annotated]
        path = self._lists[split]
        return [(stem, f"{path}:{i}") for i, stem in enumerate(read_lines(path), start=1) if stem]

    @cached_property
    def _annotated(self) -> list[str]:
        folder = self.path / "Annotations"
        return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in find_files(folder, (".xml",)))

    @cached_property
    def _images(self) -> dict[str, list[Path]]:
        folder = self.path / "JPEGImages"
        images: dict[str, list[Path]] = {}
        for path in find_files(folder, IMAGE_SUFFIXES):
            images.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path)
        return images

    def _stem(self, image: Path) -> str:
        return image.relative_to(self.path / "JPEGImages").with_suffix("").as_posix()

    def _xml_path(self, stem: str) -> Path:
        return self.path / "Annotations" / f"{stem}.xml"

    def _annotation(self, stem: str) -> VocAnnotation:
        if stem not in self._annotations:
            self._annotations[stem] = read_voc_annotation(self._xml_path(stem))
        return self._annotations[stem]

    def _is_class_list(self, path: Path) -> bool:
        try:
            first = next(filter(None, read_lines(path)), "")
        except DataError:  # `iterate_images` reports it
            return False
        return CLASS_LIST_ROW.fullmatch(first) is not None and first not in self._images

    def _names_in_annotations(self) -> tuple[str, ...]:
        found: set[str] = set()
        for stem in progress(self._annotated, "read annotations", unit=" files", delay=1):
            annotation = self._annotation(stem)
            if annotation.errors:
                raise annotation.errors[0]
            found |= {entry.name for entry in annotation.objects}
        if not found:
            raise DataError(f"{self.path}: no annotation has an object; add classes.txt, one class name a line")
        return tuple(sorted(found))
