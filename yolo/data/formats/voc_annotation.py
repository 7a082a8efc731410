"""One VOC annotation file: objects with a class name, a box and a `difficult` flag."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolo.data.formats.xml import LINE, read_xml
from yolo.data.labels import Labels
from yolo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class VocObject:
    """One `<object>`."""

    line: int
    name: str
    xyxy: tuple[float, ...]  # as it lies in the file, pixels
    difficult: bool


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation file."""

    path: Path
    objects: tuple[VocObject, ...]

    def labels(self, names: Sequence[str]) -> Labels:
        """The objects with class ids that index `names`; difficult ones are to be ignored.

        Raises:
            DataError: an object's name is not among `names`.
        """
        for entry in self.objects:
            if entry.name not in names:
                allowed = ", ".join(names)
                raise DataError(f"{self.path}:{entry.line}: class '{entry.name}' is not one of: {allowed}")
        return Labels(
            self.path,
            tuple(entry.line for entry in self.objects),
            np.array([entry.xyxy for entry in self.objects], np.float64).reshape(-1, 4),
            np.array([names.index(entry.name) for entry in self.objects], np.int64),
            np.array([entry.difficult for entry in self.objects], np.bool_),
        )


def read_annotation(path: Path) -> Annotation:
    """Read a VOC XML file.

    Raises:
        DataError: malformed XML, or an object without a name or a box of four finite numbers.
    """
    objects = []
    for entry in iterate_objects(path):
        if isinstance(entry, DataError):
            raise entry
        objects.append(entry)
    return Annotation(path, tuple(objects))


def iterate_objects(path: Path) -> Iterator[VocObject | DataError]:
    """Each object of a VOC XML file, or what is wrong with it.

    Raises:
        DataError: the file cannot be read, or is malformed.
    """
    return (_try_object(element, path) for element in read_xml(path).findall("object"))


def _try_object(element: Element, path: Path) -> VocObject | DataError:
    try:
        return _read_object(element, path)
    except DataError as error:
        return error


def _read_object(element: Element, path: Path) -> VocObject:
    where = f"{path}:{element.get(LINE)}"
    name = (element.findtext("name") or "").strip()
    if not name:
        raise DataError(f"{where}: the object has no name; add <name>")
    box = element.find("bndbox")
    if box is None:
        raise DataError(f"{where}: the object '{name}' has no bndbox; add one with {', '.join(CORNERS)}")
    difficult = (element.findtext("difficult") or "").strip() == "1"
    return VocObject(int(element.get(LINE, 0)), name, tuple(_read_corner(box, key, path) for key in CORNERS), difficult)


def _read_corner(box: Element, key: str, path: Path) -> float:
    where = f"{path}:{box.get(LINE)}"
    text = box.findtext(key)
    if text is None:
        raise DataError(f"{where}: bndbox has no {key}; it needs {', '.join(CORNERS)}")
    try:
        value = float(text)
    except ValueError as error:
        raise DataError(f"{where}: {key} is '{text.strip()}'; write a number of pixels") from error
    if not math.isfinite(value):
        raise DataError(f"{where}: {key} is '{text.strip()}'; write a finite number of pixels")
    return value
