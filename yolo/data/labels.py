"""Ground truth as label files state it, before clipping, and the YOLO text format: `class cx cy w h` in fractions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from yolo.errors import BadRowError, DataError, UnknownClassError
from yolo.storage import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

Item = TypeVar("Item")

IMAGE_FOLDERS = ("images", "JPEGImages")
KITTI_COLUMNS = (15, 16)  # of labels, of detections
POINT_REACH = 0.75  # sides of a box from its centre that its keypoints may lie away; 0.5: in the box
UNITS = 10**8  # written corners are whole multiples of 1 / UNITS, so that their sums are exact


@dataclass(frozen=True, slots=True)
class Labels:
    """The objects of one image, as they lie in the file."""

    path: Path
    lines: tuple[int, ...]  # (N,), line of each object, from 1, or its annotation id
    boxes_xyxy: npt.NDArray[np.float64]  # (N, 4), pixels; may reach outside the image or be empty
    class_ids: npt.NDArray[np.int64]  # (N,)
    ignore: npt.NDArray[np.bool_]  # (N,)
    polygon_lines: tuple[int, ...] = ()  # those of `lines` whose box was made of a polygon
    areas: npt.NDArray[np.float64] | None = None  # (N,), pixels^2, NaN where the file states none
    keypoint_boxes_xyxy: npt.NDArray[np.float64] | None = (
        None  # (N, 4), of rows that may be a box and keypoints, or NaN
    )
    numbered: str = ""  # what `lines` counts, for messages, if not lines

    def where(self, i: int) -> str:
        """Return the place of object i in its file, for messages."""
        return f"{self.path}: {self.numbered} {self.lines[i]}" if self.numbered else f"{self.path}:{self.lines[i]}"


class Row(NamedTuple):
    """One line of a YOLO text file; the box in fractions of the image."""

    line: int
    class_id: int
    cx: float
    cy: float
    w: float
    h: float
    is_polygon: bool = False  # the box is the one around `class x1 y1 x2 y2 x3 y3 ...`
    keypoint_box: tuple[float, float, float, float] | None = None  # cx, cy, w, h if it may be a box and keypoints


def label_path(image: Path) -> Path | None:
    """The YOLO text file of an image, or None if there is none.

    The last folder named `images` or `JPEGImages` in the path becomes `labels`; failing that, the file lies beside
    the image.

    Source: darknet src/utils.c replace_image_to_label; differs: whole folder names only, and only the last one.
    """
    return next((path for path in label_candidates(image) if path.is_file()), None)


def label_candidates(image: Path) -> list[Path]:
    """Return the paths that `label_path` tries, in this order."""
    beside = image.with_suffix(".txt")
    folders = list(image.parts[:-1])
    for i in reversed(range(len(folders))):
        if folders[i] in IMAGE_FOLDERS:
            folders[i] = "labels"
            return [Path(*folders, beside.name), beside]
    return [beside]


def iterate_rows(lines: Sequence[str], path: Path, num_classes: int) -> Iterator[Row | DataError]:
    """Yield each row of a YOLO text file, or its error; blank lines are skipped, polygons become the boxes around them.

    Args:
        lines: the lines of the file.
        path: the file, for messages.
        num_classes: class ids lie in 0..num_classes - 1.
    """
    return (_parse_row(line, path, i, num_classes) for i, line in enumerate(lines, start=1) if line.strip())


def read_yolo(path: Path, num_classes: int, width: int, height: int) -> tuple[Labels, list[DataError]]:
    """Read the YOLO text file of an image of width x height pixels.

    Returns:
        The labels, and an error for each bad row.

    Raises:
        DataError: the file cannot be read.
    """
    rows, errors = split_errors(iterate_rows(read_lines(path), path, num_classes))
    return labels_of(rows, path, width, height), errors


def read_class_id(text: str) -> int | None:
    """Return a class id, also one written `1.0`, as from an array of floats; None if it is not a whole number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value.is_integer() else None


def split_errors(entries: Iterable[Item | DataError]) -> tuple[list[Item], list[DataError]]:
    """Separate what could be read from the errors."""
    items: list[Item] = []
    errors: list[DataError] = []
    for entry in entries:
        if isinstance(entry, DataError):
            errors.append(entry)
        else:
            items.append(entry)
    return items, errors


def labels_of(rows: Sequence[Row], path: Path, width: int, height: int) -> Labels:
    """Rows of a file as pixels of an image of width x height."""
    boxes_xyxy = _to_pixels([(r.cx, r.cy, r.w, r.h) for r in rows], width, height)
    keypoint_boxes = None
    if any(r.keypoint_box for r in rows):
        keypoint_boxes = _to_pixels([r.keypoint_box or (math.nan,) * 4 for r in rows], width, height)
    class_ids = np.array([r.class_id for r in rows], np.int64)
    polygon_lines = tuple(r.line for r in rows if r.is_polygon)
    return Labels(
        path,
        tuple(r.line for r in rows),
        boxes_xyxy,
        class_ids,
        np.zeros(len(rows), np.bool_),
        polygon_lines,
        keypoint_boxes_xyxy=keypoint_boxes,
    )


def _to_pixels(boxes_cxcywh: Sequence[tuple[float, ...]], width: int, height: int) -> npt.NDArray[np.float64]:
    corners = [(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2) for cx, cy, w, h in boxes_cxcywh]
    with np.errstate(over="ignore"):  # an absurd box becomes infinite, and is clipped like any other
        return np.array(corners, np.float64).reshape(-1, 4) * [width, height, width, height]


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


def _parse_row(line: str, path: Path, number: int, num_classes: int) -> Row | DataError:
    where, shown = f"{path}:{number}", _short(line)
    columns = line.split()
    if len(columns) in KITTI_COLUMNS and columns[0].isalpha():
        return BadRowError(f"{where}: '{shown}': a row of KITTI, which is not read; a row is: class cx cy w h")
    is_polygon = len(columns) >= 7 and len(columns) % 2 == 1
    may_have_keypoints = len(columns) > 6 and len(columns) % 3 == 2  # a box and three columns a point
    if len(columns) != 5 and not is_polygon and not may_have_keypoints:
        return BadRowError(f"{where}: '{shown}': has {len(columns)} columns; a row is: class cx cy w h")
    if "_" in line:  # Python would read 1_0 as 10
        return BadRowError(f"{where}: '{shown}': not a number; a row is: class cx cy w h")
    try:
        values = [float(column) for column in columns[1:]]
    except ValueError:
        return BadRowError(f"{where}: '{shown}': not a number; write cx cy w h as fractions in 0..1")
    keypoint_box = _keypoint_box(values)
    if len(columns) != 5 and not is_polygon and keypoint_box is None:
        return BadRowError(f"{where}: '{shown}': has {len(columns)} columns; a row is: class cx cy w h")
    cx, cy, w, h = _around(values) if is_polygon else values[:4]
    if not all(map(math.isfinite, (*values, w, h))):
        return BadRowError(f"{where}: '{shown}': not a finite number; write cx cy w h as fractions in 0..1")
    shown = _short(columns[0])
    class_id = read_class_id(columns[0])
    if class_id is None:
        allowed = f"write an integer in 0..{num_classes - 1}"
        return BadRowError(f"{where}: '{shown}': the class id is not an integer; {allowed}")
    if not 0 <= class_id < num_classes:
        allowed = f"use 0..{num_classes - 1}, or add class names"
        return UnknownClassError(f"{where}: class id {shown}, but there are {num_classes} classes; {allowed}")
    return Row(number, class_id, cx, cy, w, h, is_polygon, keypoint_box)


def _keypoint_box(values: Sequence[float]) -> tuple[float, float, float, float] | None:
    """Return cx, cy, w, h of a row of a box and keypoints, `x y` or `x y visibility`; None if it can be no such row.

    The points lie in the box or near it, except those at 0, which were not seen.
    """
    (cx, cy, w, h), rest = values[:4], values[4:]
    for step in (3, 2):
        if not rest or len(rest) % step or (step == 3 and not set(rest[2::3]) <= {0, 1, 2}):
            continue
        points = [(x, y) for x, y in zip(rest[::step], rest[1::step], strict=True) if x or y]
        if all(abs(x - cx) <= w * POINT_REACH and abs(y - cy) <= h * POINT_REACH for x, y in points):
            return cx, cy, w, h
    return None


def _around(corners: Sequence[float]) -> tuple[float, float, float, float]:
    """Centre and size of the box around a polygon x1 y1 x2 y2 ..."""
    left, right = min(corners[::2]), max(corners[::2])
    top, bottom = min(corners[1::2]), max(corners[1::2])
    return left / 2 + right / 2, top / 2 + bottom / 2, right - left, bottom - top


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
