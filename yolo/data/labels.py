"""Truth as a label file states it, before any clipping, and the YOLO text format: `class cx cy w h` in fractions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from yolo.darknet.data_file import read_lines
from yolo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

IMAGE_FOLDERS = ("images", "JPEGImages")
UNITS = 10**8  # written corners are whole multiples of 1 / UNITS, so that their sums are exact


@dataclass(frozen=True, slots=True)
class Labels:
    """The objects of one image, as they lie in the file."""

    path: Path
    lines: tuple[int, ...]  # (N,), line of each object, from 1; in a JSON file, its annotation id
    boxes_xyxy: npt.NDArray[np.float64]  # (N, 4), pixels; may reach outside the image or be empty
    class_ids: npt.NDArray[np.int64]  # (N,)
    ignore: npt.NDArray[np.bool_]  # (N,)
    polygon_lines: tuple[int, ...] = ()  # those of `lines` whose box was made of a polygon
    areas: npt.NDArray[np.float64] | None = None  # (N,), pixels^2, NaN where the file states none

    def where(self, i: int) -> str:
        """Where object i lies, for messages."""
        return f"{self.path}{': annotation ' if self.path.suffix == '.json' else ':'}{self.lines[i]}"


class Row(NamedTuple):
    """One line of a YOLO text file; the box in fractions of the image."""

    line: int
    class_id: int
    cx: float
    cy: float
    w: float
    h: float
    is_polygon: bool = False  # the box is the one around `class x1 y1 x2 y2 x3 y3 ...`


class BadRow(NamedTuple):
    """One line of a YOLO text file that states no object."""

    line: int
    kind: Literal["row", "class"]  # what is wrong: the row as a whole, or only its class id
    problem: str  # what was got, and what is allowed


def label_path(image: Path) -> Path | None:
    """The YOLO text file of an image, or None if there is none.

    The last folder named `images` or `JPEGImages` in the path becomes `labels`; failing that, the file lies beside
    the image.

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
    """Read the rows of a YOLO text file; blank lines are skipped, polygons become the boxes around them.

    Args:
        lines: the lines of the file.
        path: the file, for messages.
        num_classes: class ids lie in 0..num_classes - 1.

    Raises:
        DataError: a row that is not five finite numbers (or a polygon), or a class id that is no integer or outside
            the range.
    """
    rows = []
    for row in iterate_rows(lines, num_classes):
        if isinstance(row, BadRow):
            raise DataError(f"{path}:{row.line}: {row.problem}")
        rows.append(row)
    return rows


def iterate_rows(lines: Sequence[str], num_classes: int) -> Iterator[Row | BadRow]:
    """Each row of a YOLO text file, or what is wrong with it; blank lines are skipped."""
    return (_parse_row(line, i, num_classes) for i, line in enumerate(lines, start=1) if line.strip())


def read_yolo(path: Path, num_classes: int, width: int, height: int) -> Labels:
    """Read the YOLO text file of an image of width x height pixels.

    Raises:
        DataError: the file cannot be read, or has a bad row.
    """
    return labels_of(parse_yolo(read_lines(path), path, num_classes), path, width, height)


def labels_of(rows: Sequence[Row], path: Path, width: int, height: int) -> Labels:
    """Rows of a file as pixels of an image of width x height."""
    corners = [(r.cx - r.w / 2, r.cy - r.h / 2, r.cx + r.w / 2, r.cy + r.h / 2) for r in rows]
    with np.errstate(over="ignore"):  # an absurd box becomes infinite, and is clipped like any other
        boxes_xyxy = np.array(corners, np.float64).reshape(-1, 4) * [width, height, width, height]
    class_ids = np.array([r.class_id for r in rows], np.int64)
    polygon_lines = tuple(r.line for r in rows if r.is_polygon)
    return Labels(
        path, tuple(r.line for r in rows), boxes_xyxy, class_ids, np.zeros(len(rows), np.bool_), polygon_lines
    )


def format_yolo(boxes_xyxy: npt.NDArray[np.float64], class_ids: npt.NDArray[np.int64], size: tuple[int, int]) -> str:
    """Write rows such that no corner of the decimal numbers lies outside 0..1.

    Args:
        boxes_xyxy: (N, 4), pixels, inside the image.
        class_ids: (N,).
        size: width and height of the image, pixels.
    """
    width, height = size
    units = np.rint(boxes_xyxy / [width, height, width, height] * UNITS).astype(np.int64)
    rows = []
    for class_id, (x1, y1, x2, y2) in zip(class_ids.tolist(), units.tolist(), strict=True):
        cx, cy, w, h = (x1 + x2) / (2 * UNITS), (y1 + y2) / (2 * UNITS), (x2 - x1) / UNITS, (y2 - y1) / UNITS
        rows.append(f"{class_id} {cx:.9f} {cy:.9f} {w:.8f} {h:.8f}\n")
    return "".join(rows)


def _parse_row(line: str, number: int, num_classes: int) -> Row | BadRow:
    columns = line.split()
    is_polygon = len(columns) >= 7 and len(columns) % 2 == 1
    if len(columns) != 5 and not is_polygon:
        problem = f"'{_short(line)}': has {len(columns)} columns; a row is: class cx cy w h"
        return BadRow(number, "row", problem)
    if "_" in line:  # Python would read 1_0 as 10
        return BadRow(number, "row", f"'{_short(line)}': not a number; a row is: class cx cy w h")
    try:
        values = [float(column) for column in columns[1:]]
    except ValueError:
        return BadRow(number, "row", f"'{_short(line)}': not a number; write cx cy w h as fractions in 0..1")
    cx, cy, w, h = _around(values) if is_polygon else values
    if not all(map(math.isfinite, (*values, w, h))):
        return BadRow(number, "row", f"'{_short(line)}': not a finite number; write cx cy w h as fractions in 0..1")
    try:
        class_id = int(columns[0])
    except ValueError:
        allowed = f"write an integer in 0..{num_classes - 1}"
        return BadRow(number, "row", f"'{_short(columns[0])}': the class id is not an integer; {allowed}")
    if not 0 <= class_id < num_classes:
        allowed = f"use 0..{num_classes - 1}, or add class names"
        return BadRow(number, "class", f"class id {_short(columns[0])}, but there are {num_classes} classes; {allowed}")
    return Row(number, class_id, cx, cy, w, h, is_polygon)


def _around(corners: Sequence[float]) -> tuple[float, float, float, float]:
    """Centre and size of the box around a polygon x1 y1 x2 y2 ..."""
    left, right = min(corners[::2]), max(corners[::2])
    top, bottom = min(corners[1::2]), max(corners[1::2])
    return left / 2 + right / 2, top / 2 + bottom / 2, right - left, bottom - top


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
