"""PASCAL VOC folders."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from yolo.data.writers.dataset_writer import DatasetWriter, write_text
from yolo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolo.data.index import Record

MAX_DECIMALS = 6  # of a pixel coordinate


class VocWriter(DatasetWriter):
    """Writes Annotations/, JPEGImages/, ImageSets/Main/ and classes.txt, which keeps the class ids."""

    def __init__(self, folder: Path, title: str, names: Sequence[str]) -> None:
        if len(set(names)) < len(names):
            duplicate = next(name for name in names if list(names).count(name) > 1)
            raise DataError(f"format voc: two classes are named '{duplicate}', which VOC cannot tell apart; rename one")
        self._folder = folder
        self._title = title
        self._names = names
        for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (folder / name).mkdir(parents=True)

    def image_path(self, name: str, split: str) -> Path:
        return self._folder / "JPEGImages" / name

    def write_labels(self, name: str, split: str, record: Record) -> None:
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
                SubElement(box, key).text = repr(round(value, MAX_DECIMALS))
        indent(root)
        path = (self._folder / "Annotations" / name).with_suffix(".xml")
        ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)

    def write_split(self, split: str, names: Sequence[str]) -> None:
        stems = [f"{name.rpartition('.')[0]}\n" for name in names]
        write_text(self._folder / "ImageSets" / "Main" / f"{split}.txt", stems)

    def finish(self) -> None:
        write_text(self._folder / "classes.txt", [f"{name}\n" for name in self._names])
