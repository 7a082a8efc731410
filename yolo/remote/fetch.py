"""Fetch files and folders of stores into a cache; what has not changed is not fetched again.

Processes that share a cache take turns, so that each file is fetched once.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from yolo.distributed import local_main_first
from yolo.errors import StorageError
from yolo.remote.file_copier import FileCopier
from yolo.remote.open_store import open_store
from yolo.remote.remote_cache import MANIFEST_NAME, Manifest, cache_path
from yolo.remote.streaming import write_placeholder
from yolo.storage import lock_file
from yolo.urls import is_url, split_url, to_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger(__name__)


def local_path(text: str | Path) -> Path:
    """Return the local path that a flag means; the file of a URL is fetched first.

    Raises:
        StorageError: the file cannot be fetched.
    """
    return fetch_file(str(text)) if is_url(text) else to_path(text)


def fetch_file(url: str) -> Path:
    """Fetch one file into the cache, unless the cache has its current version, and return its path.

    Raises:
        StorageError: the file does not exist or cannot be read.
    """
    parent, name = split_url(url)
    folder = cache_path(parent, "remote")
    with local_main_first(f"fetch {url}"):
        store = open_store(url)
        found = store.stat(url)
        if found is None:
            raise StorageError(f"{url}: no such file; check the name")
        with lock_file(folder / MANIFEST_NAME) as file:
            num_fetched = FileCopier(store, folder, Manifest(folder, file)).fetch({name: found}, f"fetch {url}")
        if num_fetched:
            logger.info("%s: fetched into %s", url, folder)
    return folder / name


def fetch_folder(url: str, folder: Path, *, is_placeholder: Callable[[str], bool] = lambda name: False) -> None:
    """Make a local folder equal to a folder of a store, except hidden files; local files of its own stay.

    Args:
        url: the folder in the store.
        folder: the local folder.
        is_placeholder: name -> True to create an empty placeholder instead of fetching the file.

    Raises:
        StorageError: the folder does not exist, is empty, or cannot be read.
    """
    with local_main_first(f"fetch {url}"):
        store = open_store(url)
        files = {name: found for name, found in store.list_files(url).items() if not _is_hidden(name)}
        if not files:
            raise StorageError(f"{url}: no such file or folder, or an empty one; check the name")
        placeholders = {name: found for name, found in files.items() if is_placeholder(name)}
        wanted = {name: found for name, found in files.items() if name not in placeholders}
        with lock_file(folder / MANIFEST_NAME) as file:
            manifest = Manifest(folder, file)
            manifest.remove_others(set(files))
            for name, found in placeholders.items():
                write_placeholder(manifest, name, found)
            num_fetched = FileCopier(store, folder, manifest).fetch(wanted, f"fetch {url}")
        streamed = f", {len(placeholders)} stay there" if placeholders else ""
        logger.info("%s: %d of %d files fetched%s: %s", url, num_fetched, len(wanted), streamed, folder)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))
