"""One VOC annotation file: objects with a class name, a box and a `difficult` flag."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolo.data.formats.xml import LINE, read_xml
from yolo.data.labels import Labels, split_errors
from yolo.errors import BadRowError, DataError, UnknownClassError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

MAX_DIGITS = 10  # of a side in pixels
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class VocObject:
    """One `<object>`."""

    line: int
    name: str
    xyxy: tuple[float, ...]  # as it lies in the file, pixels
    difficult: bool


@dataclass(frozen=True, slots=True)
class VocAnnotation:
    """One annotation file."""

    path: Path
    objects: tuple[VocObject, ...]
    size: tuple[int, int] | None = None  # width and height as the file says, pixels
    errors: tuple[DataError, ...] = ()  # one for each object that cannot be read

    def labels(self, names: Sequence[str]) -> tuple[Labels, list[DataError]]:
        """Return the objects with class ids that index `names`, difficult ones as ignored, and all errors.

        An object whose name is not among `names` is an `UnknownClassError`.
        """
        known = [entry for entry in self.objects if entry.name in names]
        labels = Labels(
            self.path,
            tuple(entry.line for entry in known),
            np.array([entry.xyxy for entry in known], np.float64).reshape(-1, 4),
            np.array([names.index(entry.name) for entry in known], np.int64),
            np.array([entry.difficult for entry in known], np.bool_),
        )
        unknown = [
            UnknownClassError(f"{self.path}:{entry.line}: class '{entry.name}' is not one of: {', '.join(names)}")
            for entry in self.objects
            if entry.name not in names
        ]
        return labels, [*self.errors, *unknown]


def read_voc_annotation(path: Path) -> VocAnnotation:
    """Read a VOC XML file; an object without a name or a box of four finite numbers is an error of the annotation.

    Raises:
        DataError: the file cannot be read, or is malformed.
    """
    root = read_xml(path)
    objects, errors = split_errors(_try_object(element, path) for element in root.findall("object"))
    return VocAnnotation(path, tuple(objects), _read_size(root), tuple(errors))


def _read_size(root: Element) -> tuple[int, int] | None:
    """Return the stated width and height; None without a size, and for 0, which some tools write."""
    texts = [(root.findtext(f"size/{key}") or "").strip() for key in ("width", "height")]
    width, height = (int(text) if text.isdecimal() and len(text) < MAX_DIGITS else 0 for text in texts)
    return (width, height) if width and height else None


def _try_object(element: Element, path: Path) -> VocObject | DataError:
    try:
        return _read_object(element, path)
    except DataError as error:
        return error


def _read_object(element: Element, path: Path) -> VocObject:
    where = f"{path}:{element.get(LINE)}"
    name = (element.findtext("name") or "").strip()
    if not name:
        raise BadRowError(f"{where}: the object has no name; add <name>")
    box = element.find("bndbox")
    if box is None:
        raise BadRowError(f"{where}: the object '{name}' has no bndbox; add one with {', '.join(CORNERS)}")
    difficult = (element.findtext("difficult") or "").strip() == "1"
    return VocObject(int(element.get(LINE, 0)), name, tuple(_read_corner(box, key, path) for key in CORNERS), difficult)


def _read_corner(box: Element, key: str, path: Path) -> float:
    where = f"{path}:{box.get(LINE)}"
    text = box.findtext(key)
    if text is None:
        raise BadRowError(f"{where}: bndbox has no {key}; it needs {', '.join(CORNERS)}")
    try:
        value = float(text)
    except ValueError as error:
        raise BadRowError(f"{where}: {key} is '{text.strip()}'; write a number of pixels") from error
    if not math.isfinite(value):
        raise BadRowError(f"{where}: {key} is '{text.strip()}'; write a finite number of pixels")
    return value
