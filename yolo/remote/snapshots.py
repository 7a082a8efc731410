"""Files of a folder as they are at one moment, for whoever reads them later."""

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

FOLDER = ".upload"  # in the folder itself: a hard link needs the same drive
REPLACED = (".pt", ".weights", ".safetensors")  # large, and replaced by each saving, never written into

Stamp = tuple[int, int]  # size in bytes, time of the last change in ns


class Snapshots:
    """Takes each file that is new or has changed since it was taken last; hidden ones stay out.

    Args:
        folder: whose files.
        reader: who reads them; each has its own copies.
    """

    def __init__(self, folder: Path, reader: str) -> None:
        self.folder = folder
        self._place = folder / FOLDER / hashlib.blake2b(reader.encode(), digest_size=6).hexdigest()
        self._taken: dict[str, Stamp] = {}
        self._numbers = itertools.count()
        shutil.rmtree(self._place, ignore_errors=True)  # of a process that was killed; the files themselves are here

    def take(self) -> Iterator[tuple[str, Path]]:
        """Name and copy of each changed file, in the order in which they were written."""
        stamps = {name: stamp for name, stamp in self._stamps() if self._taken.get(name) != stamp}
        for name in sorted(stamps, key=lambda name: stamps[name][1]):
            with contextlib.suppress(FileNotFoundError):  # it was removed just now
                copy = self._copy(self.folder / name)
                self._taken[name] = stamps[name]
                yield name, copy

    def forget(self, name: str) -> None:
        """Let a file count as changed, whatever its time says."""
        self._taken.pop(name, None)

    def clear(self) -> None:
        """Remove all copies."""
        shutil.rmtree(self._place, ignore_errors=True)
        with contextlib.suppress(OSError):  # another reader has some
            self._place.parent.rmdir()

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
        """A second name for the content of a file that will be replaced, else a copy: a log grows in place."""
        self._place.mkdir(parents=True, exist_ok=True)
        copy = self._place / f"{next(self._numbers)}-{path.name}"
        if path.suffix in REPLACED:
            with contextlib.suppress(OSError):  # a drive without hard links
                os.link(path, copy)
                return copy
        shutil.copy2(path, copy)
        return copy
