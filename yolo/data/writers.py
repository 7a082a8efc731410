"""Data-set formats that can be written: the counterpart of `yolo.data.sources`."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from yolo.data.labels import format_yolo
from yolo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolo.data.index import Record

_log = logging.getLogger(__name__)

MAX_XML_DIGITS = 6  # behind the point, of a pixel coordinate


class Writer(ABC):
    """Writes a data set into an empty folder; a picture's name is its file name in the new data set."""

    @abstractmethod
    def __init__(self, folder: Path, title: str, names: Sequence[str]) -> None:
        """Make the folders; `title` names the data set, `names` are its classes."""

    @abstractmethod
    def picture_path(self, name: str) -> Path:
        """Where a picture belongs."""

    @abstractmethod
    def write_truth(self, name: str, record: Record) -> None:
        """Write the objects of one picture."""

    @abstractmethod
    def write_list(self, split: str, names: Sequence[str]) -> None:
        """Write which pictures are in a split."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is known only at the end."""


class DarknetWriter(Writer):
    """images/, labels/, one list a split, TITLE.names and TITLE.data.

    Darknet knows no objects to ignore: such are left out and counted.
    """

    def __init__(self, folder: Path, title: str, names: Sequence[str]) -> None:
        self._folder = folder
        self._title = title
        self._names = names
        self._splits: list[str] = []
        self._num_ignored = 0
        (folder / "images").mkdir()
        (folder / "labels").mkdir()

    def picture_path(self, name: str) -> Path:
        return self._folder / "images" / name

    def write_truth(self, name: str, record: Record) -> None:
        keep = ~record.ignore
        self._num_ignored += int(record.ignore.sum())
        rows = format_yolo(record.boxes_xyxy[keep], record.class_ids[keep], (record.width, record.height))
        _write_text((self._folder / "labels" / name).with_suffix(".txt"), [rows])

    def write_list(self, split: str, names: Sequence[str]) -> None:
        self._splits.append(split)
        _write_text(self._folder / f"{split}.txt", [f"images/{name}\n" for name in names])

    def finish(self) -> None:
        names_file = f"{self._title}.names"
        _write_text(self._folder / names_file, [f"{name}\n" for name in self._names])
        lines = [f"classes = {len(self._names)}\n"]
        lines += [f"{'valid' if split == 'val' else split} = {split}.txt\n" for split in self._splits]
        _write_text(self._folder / f"{self._title}.data", [*lines, f"names = {names_file}\n", "backup = backup\n"])
        if self._num_ignored:
            _log.warning("%d difficult objects are left out: Darknet has no way to ignore them", self._num_ignored)


class VocWriter(Writer):
    """Annotations/, JPEGImages/, ImageSets/Main/ and classes.txt, which keeps the class ids."""

    def __init__(self, folder: Path, title: str, names: Sequence[str]) -> None:
        if len(set(names)) < len(names):
            twice = next(name for name in names if list(names).count(name) > 1)
            raise DataError(f"--format voc: two classes are named '{twice}', and VOC knows classes by name; rename one")
        self._folder = folder
        self._title = title
        self._names = names
        for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (folder / name).mkdir(parents=True)

    def picture_path(self, name: str) -> Path:
        return self._folder / "JPEGImages" / name

    def write_truth(self, name: str, record: Record) -> None:
        root = Element("annotation")
        for key, value in (("folder", self._title), ("filename", name)):
            SubElement(root, key).text = value
        size = SubElement(root, "size")
        for key, number in (("width", record.width), ("height", record.height), ("depth", 3)):
            SubElement(size, key).text = str(number)
        rows = zip(record.boxes_xyxy.tolist(), record.class_ids.tolist(), record.ignore.tolist(), strict=True)
        for corners, class_id, ignore in rows:
            entry = SubElement(root, "object")
            SubElement(entry, "name").text = self._names[class_id]
            SubElement(entry, "difficult").text = str(int(ignore))
            box = SubElement(entry, "bndbox")
            for key, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True):
                SubElement(box, key).text = repr(round(value, MAX_XML_DIGITS))
        indent(root)
        path = (self._folder / "Annotations" / name).with_suffix(".xml")
        ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)

    def write_list(self, split: str, names: Sequence[str]) -> None:
        stems = [f"{name.rpartition('.')[0]}\n" for name in names]
        _write_text(self._folder / "ImageSets" / "Main" / f"{split}.txt", stems)

    def finish(self) -> None:
        _write_text(self._folder / "classes.txt", [f"{name}\n" for name in self._names])


WRITERS: dict[str, type[Writer]] = {"darknet": DarknetWriter, "voc": VocWriter}


def _write_text(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(lines), encoding="utf-8")
