"""Read one COCO JSON file: images, categories and boxes. Finding the image files is left to the caller.

The arrays of the file are parsed one element at a time, with a progress bar. Segmentation polygons, which make up most
of such a file, are dropped at once, so that they do not fill the memory.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from json.decoder import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.errors import DataError
from yolo.log import progress
from yolo.storage import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt

WHITESPACE = re.compile(r"[ \t\n\r]*")
MAX_AREA = 1e12  # pixels^2; a larger value in the file is an error and counts as missing
KEYS = ("images", "annotations", "categories")
HEAD = 1 << 16  # bytes that are looked at to recognise a file


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One entry of `images`."""

    id: int
    file_name: str
    size: tuple[int, int] | None  # width and height that the file gives, pixels


@dataclass(frozen=True, slots=True)
class CocoFile:
    """A parsed file. Axes: N boxes, sorted by image id; those of one image are in the order of the file."""

    path: Path
    names: Mapping[int, str]  # category id -> class name
    parents: Mapping[int, str]  # category id -> its supercategory; empty where the file states none
    images: tuple[CocoImage, ...]
    has_annotations: bool  # files of test images have none
    image_ids: npt.NDArray[np.int64]  # (N,), sorted
    ids: npt.NDArray[np.int64]  # (N,), annotation ids
    category_ids: npt.NDArray[np.int64]  # (N,)
    boxes_xyxy: npt.NDArray[np.float64]  # (N, 4), pixels
    crowd: npt.NDArray[np.bool_]  # (N,)
    areas: npt.NDArray[np.float64]  # (N,), `area` of the annotations (of the segmentation), pixels^2; NaN where missing


def read_coco(path: Path) -> CocoFile:
    """Read a COCO JSON file.

    Raises:
        DataError: the file is not JSON, or an entry lacks an id, a file name or a box of four finite numbers.
    """
    images: list[CocoImage] = []
    names: dict[int, str] = {}
    parents: dict[int, str] = {}
    rows: list[tuple[int, int, int, bool, float, float, float, float, float]] = []
    add_entry: dict[str, Callable[[Any], None]] = {
        "images": lambda entry: images.append(_image(entry, path)),
        "categories": lambda entry: _take_category(entry, path, names, parents),
        "annotations": lambda entry: rows.append(_annotation(entry, path, len(rows))),
    }
    found = set()
    for key, entry in _entries(path, add_entry.keys()):
        found.add(key)
        if entry is not None:
            add_entry[key](entry)
    if "images" not in found:
        raise DataError(f"{path}: has no 'images', so it is not a COCO data set; use another file")
    _check_references(path, rows, {image.id for image in images}, names, len(images))
    integers = np.array([row[:4] for row in rows], np.int64).reshape(-1, 4)
    floats = np.array([row[4:] for row in rows], np.float64).reshape(-1, 5)
    order = np.argsort(integers[:, 0], kind="stable")
    integers, xywh, areas = integers[order], floats[order, :4], floats[order, 4]
    boxes_xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    return CocoFile(
        path, names, parents, tuple(images), "annotations" in found,
        integers[:, 0], integers[:, 1], integers[:, 2], boxes_xyxy, integers[:, 3].astype(np.bool_), areas,
    )  # fmt: skip


def is_coco(path: Path) -> bool:
    """Return whether a file begins like a COCO file; a short one must have `images` (`notes.json` has not)."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    keys = KEYS if len(head) == HEAD else KEYS[:1]
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and any(f'"{key}"'.encode() in head for key in keys)


def _entries(path: Path, wanted: Any) -> Iterator[tuple[str, Any]]:
    """Yield (key, None) at the start of each wanted top-level array, then (key, element) for each of its elements."""
    text = read_text(path)
    try:
        yield from _scan(text, wanted, path.name)
    except JSONDecodeError as error:
        raise DataError(
            f"{path}:{error.lineno}: is not valid JSON ({error.msg}, column {error.colno}); correct it"
        ) from error
    except RecursionError as error:
        raise DataError(f"{path}: is nested too deeply for a COCO file; use another file") from error


def _scan(text: str, wanted: Any, title: str) -> Iterator[tuple[str, Any]]:
    decode = json.JSONDecoder().raw_decode
    with progress(desc=f"read {title}", total=len(text), unit="B", unit_scale=True, delay=1) as bar:
        position = _after(text, 0, "{")
        while text[position : position + 1] != "}":
            key, position = decode(text, position)
            position = _after(text, position, ":")
            if key in wanted and text[position : position + 1] == "[":
                yield key, None
                position = _after(text, position, "[")
                while text[position : position + 1] != "]":
                    entry, position = decode(text, position)
                    yield key, entry
                    position = _next_element(text, position, "]")
                    if position - bar.n > 1 << 20:
                        bar.update(position - bar.n)
                position = _after(text, position, "]")
            else:
                _, position = decode(text, position)
            position = _next_element(text, position, "}")


def _after(text: str, position: int, character: str) -> int:
    """Return the position after an expected character and the white space around it."""
    position = _skip_whitespace(text, position)
    if text[position : position + 1] != character:
        raise JSONDecodeError(f"Expecting '{character}'", text, position)
    return _skip_whitespace(text, position + 1)


def _next_element(text: str, position: int, end: str) -> int:
    """Return the position of the next element, or of the closing bracket `end` if there is none."""
    position = _skip_whitespace(text, position)
    return position if text[position : position + 1] == end else _after(text, position, ",")


def _skip_whitespace(text: str, position: int) -> int:
    match = WHITESPACE.match(text, position)
    return match.end() if match else position


def _image(entry: Any, path: Path) -> CocoImage:
    try:
        image_id, file_name = _parse_integer(entry["id"]), entry["file_name"]
        width, height = entry.get("width"), entry.get("height")
        size = (_parse_integer(width), _parse_integer(height)) if width and height else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = _abbreviate(entry)
        raise DataError(
            f"{path}: image {text}: needs an integer id, a file_name, width and height; add them"
        ) from error
    if not isinstance(file_name, str) or not file_name:
        raise DataError(f"{path}: image {image_id}: has no file_name; add it")
    return CocoImage(image_id, file_name, size)


def _take_category(entry: Any, path: Path, names: dict[int, str], parents: dict[int, str]) -> None:
    try:
        category_id, name = _parse_integer(entry["id"]), str(entry["name"])
        parent = entry.get("supercategory")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: category {_abbreviate(entry)}: needs an integer id and a name; add them") from error
    if category_id in names:
        raise DataError(
            f"{path}: two categories have the id {category_id}: '{names[category_id]}' and '{name}'; renumber"
        )
    names[category_id] = name
    parents[category_id] = parent if isinstance(parent, str) else ""


def _annotation(entry: Any, path: Path, number: int) -> tuple[int, int, int, bool, float, float, float, float, float]:
    try:
        annotation_id = _parse_integer(entry.get("id", number))
        image_id, category_id = _parse_integer(entry["image_id"]), _parse_integer(entry["category_id"])
        x, y, width, height = map(float, entry["bbox"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = "needs image_id, category_id and bbox, [x, y, width, height] in pixels"
        raise DataError(
            f"{path}: annotation {_abbreviate(entry)}: {text}; add them, or remove the annotation"
        ) from error
    if not all(map(math.isfinite, (x, y, width, height))):
        raise DataError(f"{path}: annotation {annotation_id}: bbox has a number that is not finite; correct it")
    area = entry.get("area")
    area = float(area) if isinstance(area, int | float) and 0 < area < MAX_AREA else math.nan
    return image_id, annotation_id, category_id, entry.get("iscrowd") in (1, True), x, y, width, height, area


def _check_references(path: Path, rows: Any, image_ids: set[int], names: Mapping[int, str], num_images: int) -> None:
    if len(image_ids) < num_images:
        raise DataError(f"{path}: two images have the same id; renumber them")
    for image_id, annotation_id, category_id, *_ in rows:
        if image_id not in image_ids:
            raise DataError(
                f"{path}: annotation {annotation_id}: no image has the id {image_id}; remove it, or add the image"
            )
        if category_id not in names:
            known = _abbreviate(sorted(names))
            raise DataError(
                f"{path}: annotation {annotation_id}: no category has the id {category_id}; the ids are {known}"
            )


def _parse_integer(value: Any) -> int:
    """Return an integer; the text "7" and the number 7.0 count as 7."""
    number = int(value)
    if isinstance(value, float) and number != value:
        raise ValueError(value)
    return number


def _abbreviate(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
