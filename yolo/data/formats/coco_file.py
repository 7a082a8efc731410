"""One COCO JSON file: images, categories and boxes. Knows nothing of where the images lie.

The arrays of the file are read element by element: of an annotation only the box is kept, so that outlines (most of
such a file) never fill the memory, and a bar shows how far it is.
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

SPACE = re.compile(r"[ \t\n\r]*")
MAX_AREA = 1e12  # pixels^2; what is said to be more is no area
KEYS = ("images", "annotations", "categories")
HEAD = 1 << 16  # bytes that are looked at to recognise a file


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One entry of `images`."""

    id: int
    file_name: str
    size: tuple[int, int] | None  # width and height as the file says, pixels


@dataclass(frozen=True, slots=True)
class CocoFile:
    """A parsed file. Axes: N boxes, sorted by image, else as they lie in the file."""

    path: Path
    names: Mapping[int, str]  # category id -> class name
    parents: Mapping[int, str]  # category id -> its supercategory; empty where the file states none
    images: tuple[CocoImage, ...]
    has_annotations: bool  # files of test images have none
    image_ids: npt.NDArray[np.int64]  # (N,), sorted
    ids: npt.NDArray[np.int64]  # (N,), of the annotations
    category_ids: npt.NDArray[np.int64]  # (N,)
    boxes_xyxy: npt.NDArray[np.float64]  # (N, 4), pixels
    crowd: npt.NDArray[np.bool_]  # (N,)
    areas: npt.NDArray[np.float64]  # (N,), pixels^2, of the outlines; NaN where the file states none


def read_coco(path: Path) -> CocoFile:
    """Read a COCO JSON file.

    Raises:
        DataError: no JSON, or an entry without what it needs: ids, a file name, a box of four finite numbers.
    """
    images: list[CocoImage] = []
    names: dict[int, str] = {}
    parents: dict[int, str] = {}
    rows: list[tuple[int, int, int, bool, float, float, float, float, float]] = []
    takers: dict[str, Callable[[Any], None]] = {
        "images": lambda entry: images.append(_image(entry, path)),
        "categories": lambda entry: _take_category(entry, path, names, parents),
        "annotations": lambda entry: rows.append(_annotation(entry, path, len(rows))),
    }
    found = set()
    for key, entry in _entries(path, takers.keys()):
        found.add(key)
        if entry is not None:
            takers[key](entry)
    if "images" not in found:
        raise DataError(f"{path}: has no 'images': it is no COCO file of images; choose another")
    _check_references(path, rows, {image.id for image in images}, names, len(images))
    numbers = np.array([row[:4] for row in rows], np.int64).reshape(-1, 4)
    measures = np.array([row[4:] for row in rows], np.float64).reshape(-1, 5)
    order = np.argsort(numbers[:, 0], kind="stable")
    numbers, xywh, areas = numbers[order], measures[order, :4], measures[order, 4]
    boxes_xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    return CocoFile(
        path, names, parents, tuple(images), "annotations" in found,
        numbers[:, 0], numbers[:, 1], numbers[:, 2], boxes_xyxy, numbers[:, 3].astype(np.bool_), areas,
    )  # fmt: skip


def is_coco(path: Path) -> bool:
    """Return whether a file begins like a COCO file; a short one must have `images` (`notes.json` has not)."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    keys = KEYS if len(head) == HEAD else KEYS[:1]
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and any(f'"{key}"'.encode() in head for key in keys)


def _entries(path: Path, wanted: Any) -> Iterator[tuple[str, Any]]:
    """(key, element) of the wanted top-level arrays, in the order of the file; (key, None) once for each array."""
    text = read_text(path)
    try:
        yield from _scan(text, wanted, path.name)
    except JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: is not JSON ({error.msg}, column {error.colno}); mend it") from error
    except RecursionError as error:
        raise DataError(f"{path}: is nested too deeply for a COCO file; choose another") from error


def _scan(text: str, wanted: Any, title: str) -> Iterator[tuple[str, Any]]:
    decode = json.JSONDecoder().raw_decode
    with progress(desc=f"read {title}", total=len(text), unit="B", unit_scale=True, delay=1) as bar:
        at = _expect(text, 0, "{")
        while text[at : at + 1] != "}":
            key, at = decode(text, at)
            at = _expect(text, at, ":")
            if key in wanted and text[at : at + 1] == "[":
                yield key, None
                at = _expect(text, at, "[")
                while text[at : at + 1] != "]":
                    entry, at = decode(text, at)
                    yield key, entry
                    at = _next(text, at, "]")
                    if at - bar.n > 1 << 20:
                        bar.update(at - bar.n)
                at = _expect(text, at, "]")
            else:
                _, at = decode(text, at)
            at = _next(text, at, "}")


def _expect(text: str, at: int, mark: str) -> int:
    """The place of what follows a mark."""
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise JSONDecodeError(f"Expecting '{mark}'", text, at)
    return _skip(text, at + 1)


def _next(text: str, at: int, end: str) -> int:
    """The place of what follows an element: the next one, after a comma, or the end."""
    at = _skip(text, at)
    return at if text[at : at + 1] == end else _expect(text, at, ",")


def _skip(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    return match.end() if match else at


def _image(entry: Any, path: Path) -> CocoImage:
    try:
        image_id, file_name = _whole(entry["id"]), entry["file_name"]
        width, height = entry.get("width"), entry.get("height")
        size = (_whole(width), _whole(height)) if width and height else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = _short(entry)
        raise DataError(
            f"{path}: image {text}: needs an integer id, a file_name, width and height; add them"
        ) from error
    if not isinstance(file_name, str) or not file_name:
        raise DataError(f"{path}: image {image_id}: has no file_name; add it")
    return CocoImage(image_id, file_name, size)


def _take_category(entry: Any, path: Path, names: dict[int, str], parents: dict[int, str]) -> None:
    try:
        category_id, name = _whole(entry["id"]), str(entry["name"])
        parent = entry.get("supercategory")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: category {_short(entry)}: needs an integer id and a name; add them") from error
    if category_id in names:
        raise DataError(
            f"{path}: two categories have the id {category_id}: '{names[category_id]}' and '{name}'; renumber"
        )
    names[category_id] = name
    parents[category_id] = parent if isinstance(parent, str) else ""


def _annotation(entry: Any, path: Path, number: int) -> tuple[int, int, int, bool, float, float, float, float, float]:
    try:
        annotation_id = _whole(entry.get("id", number))
        image_id, category_id = _whole(entry["image_id"]), _whole(entry["category_id"])
        x, y, width, height = map(float, entry["bbox"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = "needs image_id, category_id and bbox, [x, y, width, height] in pixels"
        raise DataError(f"{path}: annotation {_short(entry)}: {text}; add them or remove the annotation") from error
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
            raise DataError(f"{path}: annotation {annotation_id}: no image has the id {image_id}; remove it or add one")
        if category_id not in names:
            known = _short(sorted(names))
            raise DataError(
                f"{path}: annotation {annotation_id}: no category has the id {category_id}; known are {known}"
            )


def _whole(value: Any) -> int:
    """An id: an integer, also if written as text or with a point."""
    number = int(value)
    if isinstance(value, float) and number != value:
        raise ValueError(value)
    return number


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
