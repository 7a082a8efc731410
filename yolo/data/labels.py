"""Truth as a label file states it, before any clipping, and the YOLO text format: `class cx cy w h` in fractions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from yolo.darknet.data import read_lines
from yolo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

IMAGE_FOLDERS = ("images", "JPEGImages")
UNITS = 10**8  # written corners are whole multiples of 1 / UNITS, so that their sums are exact


@dataclass(frozen=True, slots=True)
class Labels:
    """The objects of one picture, as they lie in the file."""

    path: Path
    lines: tuple[int, ...]  # (N,), line of each object, from 1; in a JSON file, its annotation id
    boxes_xyxy: npt.NDArray[np.float64]  # (N, 4), pixels; may reach outside the picture or be empty
    class_ids: npt.NDArray[np.int64]  # (N,)
    ignore: npt.NDArray[np.bool_]  # (N,)

    def where(self, i: int) -> str:
        """Where object i lies, for messages."""
        return f"{self.path}{': annotation ' if self.path.suffix == '.json' else ':'}{self.lines[i]}"


class Row(NamedTuple):
    """One line of a YOLO text file; the box in fractions of the picture."""

    line: int
    class_id: int
    cx: float
    cy: float
    w: float
    h: float


def label_path(image: Path) -> Path | None:
    """The YOLO text file of a picture, or None if there is none.

    The last folder named `images` or `JPEGImages` in the path becomes `labels`; failing that, the file lies beside
    the picture.

    Source: darknet src/utils.c replace_image_to_label; differs: whole folder names only, and only the last one.
    """
    return next((path for path in label_candidates(image) if path.is_file()), None)


def label_candidates(image: Path) -> list[Path]:
    """Where `label_path` looks, in this order."""
    beside = image.with_suffix(".txt")
    folders = list(image.parts[:-1])
    for i in reversed(range(len(folders))):
        if folders[i] in IMAGE_FOLDERS:
            folders[i] = "labels"
            return [Path(*folders, beside.name), beside]
    return [beside]


def parse_yolo(lines: Sequence[str], path: Path, num_classes: int) -> list[Row]:
    """Read the rows of a YOLO text file; blank lines are skipped.

    Args:
        lines: the lines of the file.
        path: the file, for messages.
        num_classes: class ids lie in 0..num_classes - 1.

    Raises:
        DataError: a row that is not five finite numbers, or a class id that is no integer or outside the range.
    """
    return [_parse_row(line, f"{path}:{i}", i, num_classes) for i, line in enumerate(lines, start=1) if line.strip()]


def read_yolo(path: Path, num_classes: int, width: int, height: int) -> Labels:
    """Read the YOLO text file of a picture of width x height pixels.

    Raises:
        DataError: the file cannot be read, or has a bad row.
    """
    rows = parse_yolo(read_lines(path), path, num_classes)
    corners = [(r.cx - r.w / 2, r.cy - r.h / 2, r.cx + r.w / 2, r.cy + r.h / 2) for r in rows]
    with np.errstate(over="ignore"):  # an absurd box becomes infinite, and is clipped like any other
        boxes_xyxy = np.array(corners, np.float64).reshape(-1, 4) * [width, height, width, height]
    class_ids = np.array([r.class_id for r in rows], np.int64)
    return Labels(path, tuple(r.line for r in rows), boxes_xyxy, class_ids, np.zeros(len(rows), np.bool_))


def format_yolo(boxes_xyxy: npt.NDArray[np.float64], class_ids: npt.NDArray[np.int64], size: tuple[int, int]) -> str:
    """Write rows such that no corner of the decimal numbers lies outside 0..1.

    Args:
        boxes_xyxy: (N, 4), pixels, inside the picture.
        class_ids: (N,).
        size: width and height of the picture, pixels.
    """
    width, height = size
    units = np.rint(boxes_xyxy / [width, height, width, height] * UNITS).astype(np.int64)
    rows = []
    for class_id, (x1, y1, x2, y2) in zip(class_ids.tolist(), units.tolist(), strict=True):
        cx, cy, w, h = (x1 + x2) / (2 * UNITS), (y1 + y2) / (2 * UNITS), (x2 - x1) / UNITS, (y2 - y1) / UNITS
        rows.append(f"{class_id} {cx:.9f} {cy:.9f} {w:.8f} {h:.8f}\n")
    return "".join(rows)


def _parse_row(line: str, where: str, number: int, num_classes: int) -> Row:
    columns = line.split()
    if len(columns) != 5:
        raise DataError(f"{where}: '{_short(line)}': has {len(columns)} columns; a row is: class cx cy w h")
    if "_" in line:  # Python would read 1_0 as 10
        raise DataError(f"{where}: '{_short(line)}': not a number; a row is: class cx cy w h")
    try:
        class_id = int(columns[0])
    except ValueError as error:
        allowed = f"write an integer in 0..{num_classes - 1}"
        raise DataError(f"{where}: '{_short(columns[0])}': the class id is not an integer; {allowed}") from error
    if not 0 <= class_id < num_classes:
        allowed = f"use 0..{num_classes - 1}, or add class names"
        raise DataError(f"{where}: class id {_short(columns[0])}, but there are {num_classes} classes; {allowed}")
    try:
        cx, cy, w, h = map(float, columns[1:])
    except ValueError as error:
        raise DataError(f"{where}: '{_short(line)}': not a number; write cx cy w h as fractions in 0..1") from error
    if not all(map(math.isfinite, (cx, cy, w, h))):
        raise DataError(f"{where}: '{_short(line)}': not a finite number; write cx cy w h as fractions in 0..1")
    return Row(number, class_id, cx, cy, w, h)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
