"""Files and folders of stores on this machine, in a cache that is looked over at each use.

Processes that share a cache take turns: what one has fetched is there for the next.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from yolo.distributed import local_main_first
from yolo.errors import StorageError
from yolo.remote.copying import FileCopier
from yolo.remote.manifest import FILE_NAME, Manifest
from yolo.remote.stores import host_of, open_store
from yolo.storage import cache_folder, locked
from yolo.urls import checked_name, is_url, path_of, scheme_of, split, without_scheme

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolo.remote.store import Object

Kind: TypeAlias = Literal["remote", "stream"]

logger = logging.getLogger(__name__)


def local_path(text: str | Path) -> Path:
    """The path that a flag means: of a URL, where its file lies once it is fetched.

    Raises:
        StorageError: it cannot be fetched.
    """
    return fetch_file(str(text)) if is_url(text) else path_of(text)


def fetch_file(url: str) -> Path:
    """Fetch one file into the cache, unless it is there as it is in the store.

    Raises:
        StorageError: there is no such file, or it cannot be read.
    """
    parent, name = split(url)
    folder = cached(parent, "remote")
    with local_main_first(f"fetch {url}"):
        store = open_store(url)
        found = store.look(url)
        if found is None:
            raise StorageError(f"{url}: no such file; check the name")
        with locked(folder / FILE_NAME) as file:
            count = FileCopier(store, folder, Manifest(folder, file)).fetch({name: found}, f"fetch {url}")
        if count:
            logger.info("%s: fetched into %s", url, folder)
    return folder / name


def fetch_folder(url: str, folder: Path, *, is_hollow: Callable[[str], bool] = lambda name: False) -> None:
    """Make a folder what a folder of a store is, hidden files left out; files that were not fetched stay.

    Args:
        url: of the folder.
        folder: where its files go.
        is_hollow: name -> whether an empty file is to stand for it.

    Raises:
        StorageError: there is nothing, or it cannot be read.
    """
    with local_main_first(f"fetch {url}"):
        store = open_store(url)
        files = {name: found for name, found in store.files(url).items() if not _is_hidden(name)}
        if not files:
            raise StorageError(f"{url}: no such file or folder, or an empty one; check the name")
        hollow = {name: found for name, found in files.items() if is_hollow(name)}
        whole = {name: found for name, found in files.items() if name not in hollow}
        with locked(folder / FILE_NAME) as file:
            manifest = Manifest(folder, file)
            manifest.remove_others(set(files))
            for name, found in hollow.items():
                _stand_in(manifest, name, found)
            count = FileCopier(store, folder, manifest).fetch(whole, f"fetch {url}")
        left = f", {len(hollow)} stay there" if hollow else ""
        logger.info("%s: %d of %d files fetched%s: %s", url, count, len(whole), left, folder)


def cached(url: str, kind: Kind) -> Path:
    """Where the cache has what a URL names; `url_of` is the way back."""
    host, place = host_of(scheme_of(url)), without_scheme(url)
    return cache_folder(kind) / (scheme_of(url) + (f"@{host}" if host else "")) / checked_name(place, url)


def url_of(path: Path, kind: Kind) -> str:
    """The URL of what lies in a cache; empty: the path is not in it."""
    root = cache_folder(kind)
    if not path.is_relative_to(root):
        return ""
    scheme, *parts = path.relative_to(root).parts
    return f"{scheme.partition('@')[0]}://{'/'.join(parts)}"


def _stand_in(manifest: Manifest, name: str, found: Object) -> None:
    """An empty file, new whenever the one in the store is, so that its times tell of the change."""
    if manifest.holds(name, found):
        return
    path = manifest.folder / checked_name(name, found.url)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch()
    manifest.note(name, found)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))
