"""Data sets in object stores: what a URL names is brought here, whole or without its images."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from yolo.remote.fetch import fetch_folder
from yolo.remote.open_store import open_store
from yolo.remote.remote_cache import Kind, cache_path
from yolo.urls import split_url

if TYPE_CHECKING:
    from pathlib import Path

TEXT_SUFFIXES = (".csv", ".data", ".json", ".names", ".txt", ".xml", ".yaml", ".yml")  # descriptions and labels
ANNOTATIONS = "annotations"  # COCO's folder of annotations


def fetch_data_set(url: str, *, stream: bool) -> Path:
    """The local path of a data set that lies in a store, with everything in its folder and below.

    The folder of a description is the one that it lies in; of COCO's `annotations/x.json`, the one above.

    Args:
        url: of a description (`.data`, `data.yaml`, `.json`) or of a folder.
        stream: leave the images where they are; `yolo.data.decode` reads each when it is asked for.

    Raises:
        StorageError: there is nothing, or it cannot be read.
    """
    folder = url.rstrip("/")
    kind: Kind = "stream" if stream else "remote"
    if PurePosixPath(folder).suffix and open_store(url).stat(folder):
        folder, _ = split_url(folder)
        if url.endswith(".json") and folder.endswith(f"/{ANNOTATIONS}"):
            folder, _ = split_url(folder)
    fetch_folder(folder, cache_path(folder, kind), is_placeholder=lambda name: stream and _is_image(name))
    return cache_path(url.rstrip("/"), kind)


def _is_image(name: str) -> bool:
    return not name.lower().endswith(TEXT_SUFFIXES)
