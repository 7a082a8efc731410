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
    inside = [path] if _is_described(path) else _described_inside(path)
    if len(inside) == 1:
        if inside != [path]:
            _log.info("--data %s: the data set in it is read, %s", data, inside[0])
        path = inside[0]
    for dataset_format in FORMATS if len(inside) < 2 else ():
        if dataset_format.matches(path):
            return dataset_format(path)
    other = describe_other_format(path)
    if other:
        raise DataError(f"--data {data}: {other}")
    raise DataError(f"--data {data}: not a known data-set format{_near(data)}; give {_accepted()}")


def _is_described(path: Path) -> bool:
    """Return whether a path is a data set of a format other than a folder of images, which most folders match."""
    return any(each.matches(path) for each in FORMATS if each is not ImageFolderFormat)


def _described_inside(path: Path) -> list[Path]:
    """Return the described data sets in a folder, such as VOC2012 in VOCdevkit; also below its only sub-folder."""
    folders = [p for p in sorted(path.iterdir()) if p.is_dir() and p.name[0] not in "._"] if path.is_dir() else []
    described = [p for p in [*sorted(path.glob("*.data")), *folders] if _is_described(p)]
    return _described_inside(folders[0]) if not described and len(folders) == 1 else described


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
