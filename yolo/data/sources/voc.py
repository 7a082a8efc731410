"""PASCAL VOC folders: Annotations/*.xml, JPEGImages/ and ImageSets/Main/*.txt.

Coordinates are taken as they lie, as continuous pixel coordinates: VOC's own 1-based integers are not shifted.
A folder without image sets has one split, "all": every picture that has an annotation.
"""

from __future__ import annotations

import logging
import re
from functools import cached_property
from typing import TYPE_CHECKING

from tqdm import tqdm

from yolo.darknet.data import read_lines, read_names
from yolo.data.sources.annotation import Annotation, read_annotation
from yolo.data.sources.base import Source
from yolo.data.sources.sizes import IMAGE_SUFFIXES
from yolo.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from yolo.data.labels import Labels

_log = logging.getLogger(__name__)

ALL = "all"
CLASS_LIST_ROW = re.compile(r"\S+\s+(-1|0|1)")  # VOC's lists per class (cat_train.txt): a picture and a flag


class VocSource(Source):
    """A data set in the folders of PASCAL VOC.

    The class names are those of the one file `classes.txt`, `labels.txt` or `*.names` in the folder; without such a
    file, all object names of all annotations, sorted, so that the splits agree.
    """

    accepts = "a VOC folder (with Annotations/ and JPEGImages/)"

    @classmethod
    def matches(cls, path: Path) -> bool:
        return (path / "Annotations").is_dir() and (path / "JPEGImages").is_dir()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._annotations: dict[str, Annotation] = {}
        self.names = self._read_names()
        lists = {p.stem: p for p in sorted((path / "ImageSets" / "Main").glob("*.txt")) if not self._is_class_list(p)}
        self._lists = dict(sorted(lists.items(), key=lambda item: item[0] != "train"))
        self.splits = tuple(self._lists) or (ALL,)

    def pictures(self, split: str) -> list[Path]:
        if not self._lists:
            return [self._picture(stem, str(self._xml_path(stem))) for stem in self._annotated]
        path = self._lists[split]
        return [self._picture(stem, f"{path}:{i}") for i, stem in enumerate(read_lines(path), start=1) if stem]

    def labels(self, picture: Path, width: int, height: int) -> Labels | None:
        stem = picture.relative_to(self.path / "JPEGImages").with_suffix("").as_posix()
        return self._annotation(stem).labels(self.names) if self._xml_path(stem).is_file() else None

    @cached_property
    def _annotated(self) -> list[str]:
        folder = self.path / "Annotations"
        return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.xml"))

    @cached_property
    def _pictures(self) -> dict[str, list[Path]]:
        folder = self.path / "JPEGImages"
        pictures: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                pictures.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path)
        return pictures

    def _xml_path(self, stem: str) -> Path:
        return self.path / "Annotations" / f"{stem}.xml"

    def _annotation(self, stem: str) -> Annotation:
        if stem not in self._annotations:
            self._annotations[stem] = read_annotation(self._xml_path(stem))
        return self._annotations[stem]

    def _picture(self, stem: str, where: str) -> Path:
        found = self._pictures.get(stem, [])
        if not found:
            raise DataError(f"{where}: no picture '{stem}.*' in {self.path / 'JPEGImages'}; add it or drop the line")
        if len(found) > 1:
            names = ", ".join(p.name for p in found)
            raise DataError(f"{where}: '{stem}' may be any of {names} in JPEGImages; keep one of them")
        return found[0]

    def _is_class_list(self, path: Path) -> bool:
        first = next(filter(None, read_lines(path)), "")
        return first not in self._pictures and CLASS_LIST_ROW.fullmatch(first) is not None

    def _read_names(self) -> tuple[str, ...]:
        files = [self.path / "classes.txt", self.path / "labels.txt", *sorted(self.path.glob("*.names"))]
        files = [p for p in files if p.is_file()]
        if len(files) == 1:
            return read_names(files[0])
        if files:
            names = ", ".join(p.name for p in files)
            _log.warning("%s: has %s: none is used, class names come from the annotations; keep one", self.path, names)
        stems = tqdm(self._annotated, "read annotations", unit=" files", delay=1, leave=False)
        found = {entry.name for stem in stems for entry in self._annotation(stem).objects}
        if not found:
            raise DataError(f"{self.path}: no annotation has an object; add classes.txt, one class name a line")
        return tuple(sorted(found))
