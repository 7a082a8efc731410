"""Folders of this machine, a mounted drive among them, as a store: `--bucket FOLDER`."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from yolo.remote.store import Object, Store
from yolo.storage import atomic_path
from yolo.urls import path_of

if TYPE_CHECKING:
    from pathlib import Path


class LocalStore(Store):
    """Copies keep the time of the last change: by size and time, a copy is known for one."""

    def _files(self, folder: str) -> dict[str, Object]:
        root = path_of(folder)
        paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
        return {path.relative_to(root).as_posix(): _object(path) for path in paths}

    def _look(self, url: str) -> Object | None:
        path = path_of(url)
        return _object(path) if path.is_file() else None

    def _read(self, url: str, start: int, end: int | None) -> bytes:
        with path_of(url).open("rb") as file:
            file.seek(start)
            return file.read(-1 if end is None else end - start)

    def _put(self, path: Path, url: str) -> None:
        target = path_of(url)
        with atomic_path(target) as temporary:
            shutil.copyfile(path, temporary)
        os.utime(target, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))

    def _holds(self, path: Path, url: str, *, sure: bool = False) -> bool:
        target = path_of(url)
        if not target.is_file():
            return False
        there, here = target.stat(), path.stat()
        return there.st_size == here.st_size and (not sure or there.st_mtime_ns == here.st_mtime_ns)


def _object(path: Path) -> Object:
    stat = path.stat()
    return Object(url=str(path), size=stat.st_size, tag=str(stat.st_mtime_ns), modified=stat.st_mtime)
