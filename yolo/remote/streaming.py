"""Images that stay in their store: an empty file in the cache stands for each, and its path says which it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.errors import DataError, StorageError
from yolo.remote.fetch import url_of
from yolo.remote.stores import open_store

if TYPE_CHECKING:
    from pathlib import Path


def is_streamed(path: Path) -> bool:
    """Whether a file is one that stands for one in a store.

    Raises:
        OSError: it is missing.
    """
    return not path.stat().st_size and bool(url_of(path, "stream"))


def read_file(path: Path, end: int | None = None) -> bytes:
    """The content of a file, or its bytes before `end`; from its store where an empty file stands for it.

    Raises:
        OSError: it is missing, or cannot be read.
        DataError: its store does not give it.
    """
    if not is_streamed(path):
        return path.read_bytes()[:end]
    url = url_of(path, "stream")
    try:
        return open_store(url).read(url, 0, end)
    except StorageError as error:
        raise DataError(str(error)) from error
