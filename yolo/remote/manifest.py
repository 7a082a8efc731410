"""What was fetched into a folder, and how it looked then: a line a file, at the end of which the next one goes."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolo.remote.store import Object

FILE_NAME = ".fetched"

Entry = tuple[str, int, int]  # version in the store; size here, bytes; time of the last change here, ns


class Manifest:
    """The file `.fetched` of a folder. A line that a killed process left half is none: its file is fetched again.

    Args:
        folder: that was fetched into.
        file: its `.fetched`, open for reading and appending, with no other process at it.
    """

    def __init__(self, folder: Path, file: BinaryIO) -> None:
        self.folder = folder
        self._file = file
        self._lock = threading.Lock()
        file.seek(0)
        content = file.read()
        self._entries = dict(_parsed(content))
        if content and not content.endswith(b"\n"):
            file.write(b"\n")

    def holds(self, name: str, found: Object) -> bool:
        """Whether a file is here as it is in the store, and nobody has changed it since it was fetched."""
        return name in self._entries and self._entries[name] == _entry(found.version, self.folder / name)

    def note(self, name: str, found: Object) -> None:
        """Remember that a file is here now."""
        entry = _entry(found.version, self.folder / name)
        assert entry is not None
        with self._lock:
            self._entries[name] = entry
            self._write([name, *entry])

    def remove_others(self, names: set[str]) -> None:
        """Remove what was fetched and is as it was, but is in the store no more."""
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
    except FileNotFoundError:
        return None
    return version, stat.st_size, stat.st_mtime_ns


def _parsed(content: bytes) -> Iterator[tuple[str, Entry]]:
    """The last line of each name counts."""
    last = {}
    for line in content.split(b"\n"):
        try:
            name, *entry = json.loads(line)
        except ValueError:
            continue
        last[name] = entry
    return ((name, (entry[0], entry[1], entry[2])) for name, entry in last.items() if len(entry) == 3)
