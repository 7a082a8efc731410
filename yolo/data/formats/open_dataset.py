"""Finds the format of a data set that a user names."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from yolo.data.drawn_shapes import ensure_shapes
from yolo.data.formats.coco_format import CocoSource
from yolo.data.formats.darknet_format import DarknetSource
from yolo.data.formats.data_yaml_format import DataYamlSource
from yolo.data.formats.dataset_format import Source
from yolo.data.formats.image_folder_format import ImageFolderSource
from yolo.data.formats.remote import fetch_data_set
from yolo.data.formats.voc_format import VocSource
from yolo.errors import DataError
from yolo.storage import find_file, shipped_names
from yolo.urls import is_url, to_path

FORMATS: tuple[type[Source], ...] = (  # the first that matches counts: a description tells more than a folder
    DarknetSource,
    DataYamlSource,
    VocSource,
    CocoSource,
    ImageFolderSource,
)
SHAPES = "shapes"
SHAPES_FOLDER = Path("datasets/shapes")  # below the working directory


def open_source(data: str, *, stream: bool = False) -> Source:
    """Open a data set by path or URL, by the name of a shipped description, or `shapes` for the drawn one.

    `shapes` always means the drawn data set, which is drawn at the first use; a folder of that name is `./shapes`.

    Args:
        data: what a user names.
        stream: leave the images of one in a store there, and read each when it is asked for.

    Raises:
        YoloError: nothing is there, or it is of no known format.
    """
    if data == SHAPES:
        return DarknetSource(ensure_shapes(SHAPES_FOLDER))
    path = fetch_data_set(data, stream=stream) if is_url(data) else to_path(data)
    if not path.exists():
        found = find_file(data, "data", ".data")
        if found is None:
            raise DataError(f"--data {data}: no such data set{_near(data)}; give {_accepted()}")
        path = found
    for source in FORMATS:
        if source.matches(path):
            return source(path)
    raise DataError(f"--data {data}: not a data set that is known{_near(data)}; give {_accepted()}")


def _accepted() -> str:
    shipped = ", ".join([SHAPES, *shipped_names("data", ".data")])
    return ", ".join(source.accepts for source in FORMATS) + f", or one of: {shipped}"


def _near(data: str) -> str:
    """A hint at what was meant: descriptions inside a folder, else names that look alike."""
    path = Path(data).expanduser()
    if path.is_dir():
        inside = [path, *(p for p in path.iterdir() if p.is_dir())]
        near = [str(p) for folder in inside for p in sorted(folder.glob("*.data"))]
        near += [str(p) for p in inside if any(source.matches(p) for source in FORMATS)]
    else:
        siblings = [str(p) for p in path.parent.iterdir()] if path.parent.is_dir() else []
        names = [SHAPES, *shipped_names("data", ".data"), *siblings]
        near = get_close_matches(data.removesuffix(".data"), names, n=3, cutoff=0.7)
    return f" (did you mean {' or '.join(near[:3])}?)" if near else ""
