"""Data-set formats read without stopping at a mistake: the lenient side of `yolo.data.formats`.

A format without a reader of its own is read by its source, whose first mistake in a file is then all that is said
of that file.
"""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from yolo.darknet.data_file import read_lines, read_names, resolve_path
from yolo.data.formats.coco_format import CocoSource
from yolo.data.formats.darknet_format import DarknetSource
from yolo.data.formats.dataset_format import Source
from yolo.data.formats.folders import ALL, IMAGE_SUFFIXES, find_files
from yolo.data.formats.open_dataset import open_source
from yolo.data.formats.voc_annotation import Annotation, VocObject, iterate_objects
from yolo.data.formats.voc_format import CLASS_LIST_ROW, VocSource
from yolo.data.formats.yolo_text import YoloTextSource
from yolo.data.labels import BadRow, iterate_rows, label_path, labels_of
from yolo.dataset_tools.check.survey import Problem
from yolo.errors import DataError
from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from yolo.data.labels import Labels
    from yolo.dataset_tools.check.survey import ProblemKind

NOT_LABELS = {"classes.txt", "labels.txt", "obj.txt", "notes.txt"}  # that labelling tools put among the labels


class Truth(NamedTuple):
    """What a label file says."""

    labels: Labels | None  # None where no label file is
    problems: list[Problem]


class Reader(ABC):
    """A data set whose mistakes are collected."""

    names: tuple[str, ...]  # class names; class ids index this
    splits: tuple[str, ...]
    format: str  # the key of `WRITERS` for a copy
    problems: list[Problem]  # of lists, as `images` meets them

    @abstractmethod
    def images(self, split: str) -> list[Path]:
        """The images of a split that exist."""

    @abstractmethod
    def truth(self, image: Path, width: int, height: int) -> Truth:
        """The truth of an image of width x height pixels."""

    @abstractmethod
    def label_files(self, used: Iterable[Path]) -> list[Path]:
        """All files that look like labels of this data set, those that are `used` and others."""


class SourceReader(Reader):
    """Any format, through its source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.names = source.names
        self.splits = source.splits
        self.format = "coco" if isinstance(source, CocoSource) else "darknet"
        self.problems = []

    def images(self, split: str) -> list[Path]:
        try:
            return list(self._source.images(split))
        except DataError as error:
            self.problems.append(_problem("list", error))
            return []

    def truth(self, image: Path, width: int, height: int) -> Truth:
        try:
            return Truth(self._source.labels(image, width, height), [])
        except DataError as error:
            return _unreadable(error, image)

    def label_files(self, used: Iterable[Path]) -> list[Path]:
        del used
        return []


class YoloTextReader(Reader):
    """Lists and folders of images, with YOLO text labels."""

    def __init__(self, source: YoloTextSource) -> None:
        self.names = source.names
        self.splits = source.splits
        self.format = "darknet" if isinstance(source, DarknetSource) else "yolo"
        self.problems = []
        self._places = source.places

    def images(self, split: str) -> list[Path]:
        found = (find_files(p) if p.is_dir() else self._listed(p) for p in self._places[split])
        return list(chain.from_iterable(found))

    def _listed(self, image_list: Path) -> list[Path]:
        found = []
        for number, line in enumerate(_lines(image_list, self.problems), start=1):
            image = resolve_path(line, image_list.parent)
            if line and image.is_file():
                found.append(image)
            elif line:
                self.problems.append(Problem("missing-image", f"{image_list}:{number}", f"'{line}' is not there"))
        return found

    def truth(self, image: Path, width: int, height: int) -> Truth:
        path = label_path(image)
        if path is None:
            return Truth(None, [])
        try:
            lines = read_lines(path)
        except DataError as error:
            return _unreadable(error, image)
        rows, problems = [], []
        for row in iterate_rows(lines, len(self.names)):
            if isinstance(row, BadRow):
                problems.append(Problem(row.kind, f"{path}:{row.line}", row.problem, image))
            else:
                rows.append(row)
        return Truth(labels_of(rows, path, width, height), problems)

    def label_files(self, used: Iterable[Path]) -> list[Path]:
        lists = {path.resolve() for path in chain.from_iterable(self._places.values())}
        files = [path for folder in {p.parent for p in used} for path in folder.glob("*.txt")]
        return sorted(p for p in files if p.name not in NOT_LABELS and p.resolve() not in lists)


class VocReader(Reader):
    """Annotations/, JPEGImages/ and ImageSets/Main/."""

    def __init__(self, path: Path) -> None:
        self._annotations, self._images = path / "Annotations", path / "JPEGImages"
        self._images_by_stem = _by_stem(self._images, IMAGE_SUFFIXES)
        lists = {p.stem: p for p in sorted((path / "ImageSets" / "Main").glob("*.txt")) if not self._is_class_list(p)}
        self._lists: Mapping[str, Path] = dict(sorted(lists.items(), key=lambda item: item[0] != "train"))
        self.splits = tuple(self._lists) or (ALL,)
        self.format = "voc"
        self.problems = []
        files = [path / "classes.txt", path / "labels.txt", *sorted(path.glob("*.names"))]
        files = [p for p in files if p.is_file()]
        self.names = read_names(files[0]) if len(files) == 1 else self._names_in_annotations()

    def images(self, split: str) -> list[Path]:
        if split not in self._lists:
            stems = [(stem, str(path)) for stem, (path, *_) in _by_stem(self._annotations, (".xml",)).items()]
        else:
            lines = _lines(self._lists[split], self.problems)
            stems = [(stem, f"{self._lists[split]}:{n}") for n, stem in enumerate(lines, start=1) if stem]
        found = []
        for stem, where in stems:
            candidates = self._images_by_stem.get(stem, [])
            found += candidates[:1]
            if len(candidates) != 1:
                text = f"'{stem}' may be any of {', '.join(p.name for p in candidates)}"
                missing = f"no image '{stem}.*' in {self._images}"
                self.problems.append(Problem("missing-image", where, text if candidates else missing))
        return found

    def truth(self, image: Path, width: int, height: int) -> Truth:
        del width, height
        path = self._annotations / image.relative_to(self._images).with_suffix(".xml")
        if not path.is_file():
            return Truth(None, [])
        try:
            entries = list(iterate_objects(path))
        except DataError as error:
            return _unreadable(error, image)
        problems = [_problem("row", entry, image) for entry in entries if isinstance(entry, DataError)]
        objects = [entry for entry in entries if isinstance(entry, VocObject)]
        known = [entry for entry in objects if entry.name in self.names]
        for entry in objects:
            if entry.name not in self.names:
                text = f"class '{entry.name}' is not one of: {', '.join(self.names)}"
                problems.append(Problem("class", f"{path}:{entry.line}", text, image))
        return Truth(Annotation(path, tuple(known)).labels(self.names), problems)

    def label_files(self, used: Iterable[Path]) -> list[Path]:
        del used
        return sorted(self._annotations.rglob("*.xml"))

    def _is_class_list(self, path: Path) -> bool:
        try:
            first = next(filter(None, read_lines(path)), "")
        except DataError:
            return False
        return first not in self._images_by_stem and CLASS_LIST_ROW.fullmatch(first) is not None

    def _names_in_annotations(self) -> tuple[str, ...]:
        names = set()
        for path in progress(sorted(self._annotations.rglob("*.xml")), "read names", unit=" files", delay=1):
            with contextlib.suppress(DataError):  # said when its image is read
                names |= {entry.name for entry in iterate_objects(path) if isinstance(entry, VocObject)}
        return tuple(sorted(names))


def open_reader(data: str) -> Reader:
    """A reader of a data set that a user names.

    Raises:
        DataError: nothing is there, or its description (not its images and labels) cannot be read.
    """
    path = Path(data).expanduser()
    if path.exists() and VocSource.matches(path):
        return VocReader(path)
    source = open_source(data)
    return YoloTextReader(source) if isinstance(source, YoloTextSource) else SourceReader(source)


def _by_stem(folder: Path, suffixes: Sequence[str]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in suffixes:
            files.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path)
    return files


def _lines(image_list: Path, problems: list[Problem]) -> list[str]:
    """The lines of an image list, or none and one problem more."""
    try:
        return read_lines(image_list)
    except DataError as error:
        problems.append(_problem("list", error))
        return []


def _unreadable(error: DataError, image: Path) -> Truth:
    """What a label file that cannot be read says: nothing."""
    problem = _problem("label-file", error, image)
    return Truth(labels_of([], Path(re.sub(r":\d+$", "", problem.where)), 0, 0), [problem])


def _problem(kind: ProblemKind, error: DataError, image: Path | None = None) -> Problem:
    """A reader's error, whose message begins with `path` or `path:line`."""
    where, _, text = str(error).partition(": ")
    return Problem(kind, where, text, image)
