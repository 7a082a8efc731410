"""The cache of files from stores: where each URL is kept, and a manifest of what was fetched into a folder."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias

from yolo.remote.open_store import host_of
from yolo.storage import cache_folder
from yolo.urls import to_relative_path, url_scheme, without_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolo.remote.store import StoredFile

MANIFEST_NAME = ".fetched"

Kind: TypeAlias = Literal["remote", "stream"]
Entry = tuple[str, int, int]  # version in the store; local size, bytes; local time of the last change, ns


def cache_path(url: str, kind: Kind) -> Path:
    """Return where the cache keeps what a URL names; `cached_url` is the inverse."""
    host, path = host_of(url_scheme(url)), without_scheme(url)
    return cache_folder(kind) / (url_scheme(url) + (f"@{host}" if host else "")) / to_relative_path(path, url)


def cached_url(path: Path, kind: Kind) -> str:
    """Return the URL of a path in the cache; empty if the path is not in it."""
    root = cache_folder(kind)
    if not path.is_relative_to(root):
        return ""
    scheme, *parts = path.relative_to(root).parts
    return f"{scheme.partition('@')[0]}://{'/'.join(parts)}"


class Manifest:
    """The file `.fetched` of a folder: one JSON line per file, the last one of a name counts.

    A line that was cut off when its process was killed is ignored: its file is fetched again.

    Args:
        folder: the folder that files are fetched into.
        file: its `.fetched`, open for reading and appending, locked against other processes.
    """

    def __init__(self, folder: Path, file: BinaryIO) -> None:
        self.folder = folder
        self._file = file
        self._lock = threading.Lock()
        file.seek(0)
        content = file.read()
        self._entries = dict(_parse(content))
        if content and not content.endswith(b"\n"):
            file.write(b"\n")

    def is_current(self, name: str, found: StoredFile) -> bool:
        """Return whether the local file has the version in the store, and has not changed since it was fetched."""
        return name in self._entries and self._entries[name] == _entry(found.version, self.folder / name)

    def record(self, name: str, found: StoredFile) -> None:
        """Record that a file was fetched."""
        entry = _entry(found.version, self.folder / name)
        assert entry is not None
        with self._lock:
            self._entries[name] = entry
            self._write([name, *entry])

    def remove_others(self, names: set[str]) -> None:
        """Remove fetched files that are no longer in the store, unless they were changed locally."""
        for name in sorted(set(self._entries) - names):
            path, entry = self.folder / name, self._entries.pop(name)
            if entry == _entry(entry[0], path):
                path.unlink()
            self._write([name])

    def _write(self, row: list[str | int]) -> None:
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()


def _entry(version: str, path: Path) -> Entry | None:
    try:
        stat = path.stat()
    except (OSError, ValueError):  # missing, or no name of a file
        return None
    return version, stat.st_size, stat.st_mtime_ns


def _parse(content: bytes) -> Iterator[tuple[str, Entry]]:
    """Yield the last entry of each name; a line without an entry says that the file was removed."""
    last = {}
    for line in content.split(b"\n"):
        try:
            name, *entry = json.loads(line)
        except (ValueError, TypeError, RecursionError):
            continue
        if isinstance(name, str):
            last[name] = entry
    return ((name, (entry[0], entry[1], entry[2])) for name, entry in last.items() if len(entry) == 3)
