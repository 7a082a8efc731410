"""Snapshots of the files of a folder, taken at one moment and read later."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = ".upload"  # within the folder itself, because hard links need the same drive
REPLACED = (".pt", ".weights", ".safetensors")  # large files that are replaced as a whole, never written in place

Stamp = tuple[int, int]  # size in bytes, time of the last change in ns


class Snapshots:
    """Takes a snapshot of each file that is new or has changed since its last snapshot, except hidden files.

    Args:
        folder: the folder.
        reader: name of the reader; each has its own snapshots.
    """

    def __init__(self, folder: Path, reader: str) -> None:
        self.folder = folder
        self._snapshot_folder = folder / FOLDER / hashlib.blake2b(reader.encode(), digest_size=6).hexdigest()
        self._taken: dict[str, Stamp] = {}
        self._numbers = itertools.count()
        shutil.rmtree(self._snapshot_folder, ignore_errors=True)  # left by a process that was killed

    def take(self) -> Iterator[tuple[str, Path]]:
        """Yield name and snapshot of each changed file, in the order in which they were written."""
        stamps = {name: stamp for name, stamp in self._stamps() if self._taken.get(name) != stamp}
        for name in sorted(stamps, key=lambda name: stamps[name][1]):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                copy = self._copy(self.folder / name)
                self._taken[name] = stamps[name]
                yield name, copy

    def forget(self, name: str) -> None:
        """Treat a file as changed at the next `take`."""
        self._taken.pop(name, None)

    def clear(self) -> None:
        """Remove all snapshots."""
        shutil.rmtree(self._snapshot_folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another reader has snapshots
            self._snapshot_folder.parent.rmdir()

    def _stamps(self) -> Iterator[tuple[str, Stamp]]:
        for path in self.folder.rglob("*"):
            relative = path.relative_to(self.folder)
            if any(part.startswith(".") for part in relative.parts):
                continue
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    stat = path.stat()
                    yield relative.as_posix(), (stat.st_size, stat.st_mtime_ns)

    def _copy(self, path: Path) -> Path:
        """Hard-link a file that is only ever replaced; copy any other, which may grow in place."""
        self._snapshot_folder.mkdir(parents=True, exist_ok=True)
        copy = self._snapshot_folder / f"{next(self._numbers)}-{path.name}"
        if path.suffix in REPLACED:
            with contextlib.suppress(OSError):  # the drive has no hard links
                os.link(path, copy)
                return copy
        shutil.copy2(path, copy)
        return copy
