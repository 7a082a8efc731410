"""Files of one folder of a store onto this machine: many at once, each whole, what is there already left alone."""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from yolo.errors import StorageError
from yolo.log import progress
from yolo.remote.fsspec_store import file_md5
from yolo.urls import checked_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolo.remote.manifest import Manifest
    from yolo.remote.store import Object, Store

NUM_THREADS = 32  # each waits for the network most of the time
PART_BYTES = 8 << 20  # that are asked for at once, and at most lost when a fetch is cut off
MAX_CHANGES = 5  # of a file while it is fetched
PART_SUFFIX = ".part"
UNUSED_S = 7 * 86400


class FileCopier:
    """Fetches files into a folder.

    Args:
        store: where they are.
        folder: where they go.
        manifest: of that folder.
    """

    def __init__(self, store: Store, folder: Path, manifest: Manifest) -> None:
        self.store = store
        self.folder = folder
        self.manifest = manifest
        self._md5_tells = True  # until a store proves to give other numbers for it, as it does for encrypted files
        self._lock = threading.Lock()

    def fetch(self, files: Mapping[str, Object], title: str) -> int:
        """Fetch those of these files, by name, that are not here as they are in the store.

        Returns:
            How many that were.

        Raises:
            StorageError: one cannot be read, changes all the time, or there is no room.
        """
        missing = {name: found for name, found in files.items() if not self._is_here(name, found)}
        if not missing:
            return 0
        self._remove_parts(set(map(self._part, missing, missing.values())))
        self._check_room(missing, title)
        total = sum(found.size for found in missing.values())
        pool = ThreadPoolExecutor(min(NUM_THREADS, len(missing)))
        with progress(total=total, desc=title, unit="B", unit_scale=True, delay=1) as self._bar:
            try:
                for _ in pool.map(self._fetch, missing, missing.values()):
                    pass
            finally:
                pool.shutdown(cancel_futures=True)
        return len(missing)

    def _is_here(self, name: str, found: Object) -> bool:
        if self.manifest.holds(name, found):
            return True
        path = self.folder / checked_name(name, found.url)
        same = path.is_file() and path.stat().st_size == found.size and found.md5 and file_md5(path) == found.md5
        if same:
            self.manifest.note(name, found)
        return bool(same)

    def _fetch(self, name: str, found: Object) -> None:
        """One file; where it changes meanwhile, as it is at the end."""
        path, before = self.folder / name, ""
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(MAX_CHANGES):
            part = self._part(name, found)
            digest = self._download(found, part)
            if self._md5_tells and found.md5 and digest == found.md5:
                break
            now = self.store.look(found.url)
            if now is None:
                raise StorageError(f"{found.url}: was removed while it was fetched; start again")
            if digest and now.version == found.version:
                if not (self._md5_tells and found.md5):
                    break
                if digest == before:
                    self._md5_tells = False  # twice the same content, but another number: it is no MD5
                    break
            before = digest if now.version == found.version else ""
            part.unlink(missing_ok=True)
            found = now
        else:
            raise StorageError(f"{found.url}: comes out differently each time; start again when nobody writes there")
        part.replace(path)
        self.manifest.note(name, found)

    def _download(self, found: Object, part: Path) -> str:
        """Fetch what is missing of a part file, and give its MD5; empty: the store has another file by now."""
        if part.is_file() and part.stat().st_size > found.size:
            part.unlink()
        with part.open("ab") as file:
            self._advance(file.tell())
            while (start := file.tell()) < found.size:
                end = min(start + PART_BYTES, found.size)
                content = self._read(found, start, end)
                if len(content) != end - start:
                    return ""
                file.write(content)
                self._advance(len(content))
        return file_md5(part)

    def _read(self, found: Object, start: int, end: int) -> bytes:
        """A part of a file; nothing where the store refuses it since the file is another by now."""
        try:
            return self.store.read(found.url, start, end)
        except StorageError:
            now = self.store.look(found.url)
            if now is None or now.version == found.version:
                raise
            return b""

    def _advance(self, count: int) -> None:
        with self._lock:
            self._bar.update(count)

    def _part(self, name: str, found: Object) -> Path:
        """Where a file grows: another one for each version of it."""
        path = self.folder / name
        version = hashlib.blake2b(found.version.encode(), digest_size=6).hexdigest()
        return path.with_name(f".{path.name}.{version}{PART_SUFFIX}")

    def _remove_parts(self, kept: set[Path]) -> None:
        """Remove what nobody goes on with; another process may be at a part that changed of late."""
        old = time.time() - UNUSED_S
        for part in [*self.folder.rglob(f".*{PART_SUFFIX}")]:
            if part not in kept and part.stat().st_mtime < old:
                part.unlink()

    def _check_room(self, missing: Mapping[str, Object], title: str) -> None:
        begun = sum(part.stat().st_size for part in map(self._part, missing, missing.values()) if part.is_file())
        needed, free = sum(found.size for found in missing.values()) - begun, shutil.disk_usage(self.folder).free
        if needed > free:
            gb = f"{needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free"
            raise StorageError(
                f"{title}: no room in {self.folder}: {gb}; make room, or set XDG_CACHE_HOME, or --stream"
            )
