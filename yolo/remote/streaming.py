"""Images that are read from their store at each use: an empty placeholder in the cache stands for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.errors import DataError, StorageError
from yolo.remote.open_store import open_store
from yolo.remote.remote_cache import cached_url
from yolo.urls import to_relative_path

if TYPE_CHECKING:
    from pathlib import Path

    from yolo.remote.remote_cache import Manifest
    from yolo.remote.store import StoredFile


def write_placeholder(manifest: Manifest, name: str, found: StoredFile) -> None:
    """Create the placeholder of a file, again whenever the file in the store changes, so that its time changes too."""
    if manifest.is_current(name, found):
        return
    path = manifest.folder / to_relative_path(name, found.url)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch()
    manifest.record(name, found)


def is_streamed(path: Path) -> bool:
    """Return whether a local file is the placeholder of a file in a store.

    Raises:
        OSError: the file is missing.
    """
    return not path.stat().st_size and bool(cached_url(path, "stream"))


def read_file(path: Path, end: int | None = None) -> bytes:
    """Return the content of a file, or its bytes before `end`; a placeholder's are read from its store.

    Raises:
        OSError: the local file is missing or cannot be read.
        DataError: the file cannot be read from its store.
    """
    if not is_streamed(path):
        return path.read_bytes()[:end]
    url = cached_url(path, "stream")
    try:
        return open_store(url).read(url, 0, end)
    except StorageError as error:
        raise DataError(str(error)) from error
