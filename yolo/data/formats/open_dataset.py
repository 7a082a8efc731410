"""The formats of data sets, and opening a data set of any of them."""

from __future__ import annotations

import logging
from difflib import get_close_matches
from pathlib import Path

from yolo.data.drawn_shapes import ensure_shapes
from yolo.data.formats import archive
from yolo.data.formats.coco_format import CocoFormat
from yolo.data.formats.darknet_format import DarknetFormat
from yolo.data.formats.data_yaml_format import DataYamlFormat
from yolo.data.formats.dataset_format import DatasetFormat
from yolo.data.formats.folders import find_files, split_of_folder
from yolo.data.formats.image_folder_format import ImageFolderFormat
from yolo.data.formats.other_formats import describe_other_format
from yolo.data.formats.remote import fetch_data_set
from yolo.data.formats.voc_format import VocFormat
from yolo.errors import DataError
from yolo.storage import find_file, shipped_names
from yolo.urls import is_url, to_path

_log = logging.getLogger(__name__)

FORMATS: tuple[type[DatasetFormat], ...] = (  # the first that matches is used; descriptions come before folders
    DarknetFormat,
    DataYamlFormat,
    VocFormat,
    CocoFormat,
    ImageFolderFormat,
)
SHAPES = "shapes"
SHAPES_FOLDER = Path("datasets/shapes")  # below the working directory


def open_dataset(data: str, *, stream: bool = False) -> DatasetFormat:
    """Open a data set by path or URL, by the name of a shipped description, or `shapes` for the drawn one.

    `shapes` always means the drawn data set, which is drawn at the first use; a folder of that name is `./shapes`.

    Args:
        data: the value of --data.
        stream: leave images in object storage and read each one when it is needed.

    Raises:
        YoloError: there is no such data set, or its format is unknown.
    """
    if data == SHAPES:
        return DarknetFormat(ensure_shapes(SHAPES_FOLDER))
    path = fetch_data_set(data, stream=stream) if is_url(data) else to_path(data)
    if not path.exists():
        found = find_file(data, "data", ".data")
        if found is None:
            raise DataError(f"--data {data}: no such data set{_near(data)}; give {_accepted()}")
        path = found
    if path.suffix.lower() == archive.SUFFIX and path.is_file():
        path = archive.unpack(path)
    found_inside = _find_inside(path)
    if found_inside is None:
        other = describe_other_format(path)
        problem = other or f"not a known data-set format{_near(data)}; give {_accepted()}"
        raise DataError(f"--data {data}: {problem}")
    place, dataset_format = found_inside
    if place != path:
        _log.info("--data %s: the data set in it is read, %s", data, place)
    return dataset_format(place)


def _find_inside(path: Path) -> tuple[Path, type[DatasetFormat]] | None:
    """Return the data set that a path is or holds, as VOCdevkit holds VOC2012; None if there is none, or several."""
    described = _find_described(path)
    if described is not None:
        return path, described
    inside = _described_inside(path)
    if len(inside) == 1 and all(image.is_relative_to(inside[0]) for image in find_files(path)):
        return _find_inside(inside[0])
    only = _only_folder(path)
    if only is not None:
        return _find_inside(only)
    return (path, ImageFolderFormat) if not inside and ImageFolderFormat.matches(path) else None


def _find_described(path: Path) -> type[DatasetFormat] | None:
    """Return the format of a path, other than a folder of images, which most folders match."""
    return next((each for each in FORMATS if each is not ImageFolderFormat and each.matches(path)), None)


def _described_inside(path: Path) -> list[Path]:
    """Return the described data sets in a folder."""
    return [p for p in [*sorted(path.glob("*.data")), *_folders(path)] if _find_described(p)]


def _only_folder(path: Path) -> Path | None:
    """Return the sub-folder of a folder that holds nothing else; None if its name says what it is for."""
    folders = _folders(path)
    is_wrapper = len(folders) == 1 and not any(p.is_file() and p.name[0] != "." for p in path.iterdir())
    return folders[0] if is_wrapper and folders[0].name != "images" and not split_of_folder(folders[0].name) else None


def _folders(path: Path) -> list[Path]:
    return [p for p in sorted(path.iterdir()) if p.is_dir() and p.name[0] not in "._"] if path.is_dir() else []


def _accepted() -> str:
    shipped = ", ".join([SHAPES, *shipped_names("data", ".data")])
    return ", ".join(each.accepts for each in FORMATS) + f", or one of: {shipped}"


def _near(data: str) -> str:
    """Return a hint: descriptions inside a folder, else similar names."""
    path = Path(data).expanduser()
    if path.is_dir():
        near = [str(p) for p in _described_inside(path)]
    else:
        siblings = [str(p) for p in path.parent.iterdir()] if path.parent.is_dir() else []
        names = [SHAPES, *shipped_names("data", ".data"), *siblings]
        near = get_close_matches(data.removesuffix(".data"), names, n=3, cutoff=0.7)
    return f" (did you mean {' or '.join(near[:3])}?)" if near else ""
