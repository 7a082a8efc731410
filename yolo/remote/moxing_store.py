"""Huawei OBS through `moxing`, which ModelArts brings and gives its own access: no keys are needed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolo.remote.store import Object, Store

if TYPE_CHECKING:
    from pathlib import Path


class MoxingStore(Store):
    """OBS as `moxing.file` shows it: sizes and times, no ETags."""

    faults = (OSError, EOFError, RuntimeError)  # moxing's own errors are of these

    @property
    def _file(self) -> Any:
        import moxing

        return moxing.file

    def _files(self, folder: str) -> dict[str, Object]:
        if not self._file.is_directory(folder):
            return {}
        root = folder.rstrip("/")
        names = [name for name in self._file.list_directory(root, recursive=True) if not name.endswith("/")]
        found = {name: self._look(f"{root}/{name}") for name in sorted(names)}
        return {name: entry for name, entry in found.items() if entry}

    def _look(self, url: str) -> Object | None:
        if not self._file.exists(url) or self._file.is_directory(url):
            return None
        entry = self._file.stat(url)
        return Object(url=url, size=entry.length, tag=str(entry.mtime_nsec), modified=entry.mtime_nsec / 1e9)

    def _read(self, url: str, start: int, end: int | None) -> bytes:
        with self._file.File(url, "rb") as file:
            file.seek(start)
            content = file.read() if end is None else file.read(end - start)
            assert isinstance(content, bytes)
            return content

    def _put(self, path: Path, url: str) -> None:
        self._file.copy(str(path), url)

    def _holds(self, path: Path, url: str, *, sure: bool = False) -> bool:
        there = self._look(url)
        return not sure and there is not None and there.size == path.stat().st_size
