"""Huawei OBS through `moxing`, a package of ModelArts that needs no keys there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolo.remote.store import Store, StoredFile

if TYPE_CHECKING:
    from pathlib import Path


class MoxingStore(Store):
    """OBS through `moxing.file`, which gives sizes and times, but no ETags."""

    errors = (OSError, EOFError, RuntimeError)  # the types that moxing raises

    @property
    def _file(self) -> Any:
        import moxing

        return moxing.file

    def _list_files(self, folder: str) -> dict[str, StoredFile]:
        if not self._file.is_directory(folder):
            return {}
        root = folder.rstrip("/")
        names = [name for name in self._file.list_directory(root, recursive=True) if not name.endswith("/")]
        found = {name: self._stat(f"{root}/{name}") for name in sorted(names)}
        return {name: entry for name, entry in found.items() if entry}

    def _stat(self, url: str) -> StoredFile | None:
        if not self._file.exists(url) or self._file.is_directory(url):
            return None
        entry = self._file.stat(url)
        return StoredFile(url=url, size=entry.length, tag=str(entry.mtime_nsec), modified=entry.mtime_nsec / 1e9)

    def _read(self, url: str, start: int, end: int | None) -> bytes:
        with self._file.File(url, "rb") as file:
            file.seek(start)
            content = file.read() if end is None else file.read(end - start)
            assert isinstance(content, bytes)
            return content

    def _put(self, path: Path, url: str) -> None:
        self._file.copy(str(path), url)

    def _has_copy(self, path: Path, url: str, *, exact: bool = False) -> bool:
        there = self._stat(url)
        return not exact and there is not None and there.size == path.stat().st_size
