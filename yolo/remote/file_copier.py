"""Copy files from a store into a local folder: many at a time, each completely, only those that are missing."""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from yolo.errors import StorageError
from yolo.log import progress
from yolo.remote.store import file_md5
from yolo.urls import to_relative_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolo.remote.remote_cache import Manifest
    from yolo.remote.store import Store, StoredFile

NUM_THREADS = 32  # threads mostly wait for the network
PART_BYTES = 8 << 20  # bytes per request; an interrupted fetch loses at most these
MAX_ATTEMPTS = 5  # for a file that changes while it is fetched
PART_SUFFIX = ".part"
UNUSED_S = 7 * 86400  # age at which part files of nobody are removed


class FileCopier:
    """Fetches files into a folder.

    Args:
        store: the store to read from.
        folder: the local folder.
        manifest: the manifest of that folder.
    """

    def __init__(self, store: Store, folder: Path, manifest: Manifest) -> None:
        self.store = store
        self.folder = folder
        self.manifest = manifest
        self._md5_is_valid = True  # until an "MD5" proves to be something else, as for encrypted files
        self._lock = threading.Lock()

    def fetch(self, files: Mapping[str, StoredFile], title: str) -> int:
        """Fetch those of the named files whose current version is not in the folder.

        Returns:
            The number of fetched files.

        Raises:
            StorageError: a file cannot be read or keeps changing, or the disk is full.
        """
        missing = {name: found for name, found in files.items() if not self._is_fetched(name, found)}
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

    def _is_fetched(self, name: str, found: StoredFile) -> bool:
        if self.manifest.is_current(name, found):
            return True
        path = self.folder / to_relative_path(name, found.url)
        same = path.is_file() and path.stat().st_size == found.size and found.md5 and file_md5(path) == found.md5
        if same:
            self.manifest.record(name, found)
        return bool(same)

    def _fetch(self, name: str, found: StoredFile) -> None:
        """Fetch one file; if it changes meanwhile, fetch its latest version."""
        path, previous = self.folder / name, ""
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(MAX_ATTEMPTS):
            part = self._part(name, found)
            digest = self._download(found, part)
            if self._md5_is_valid and found.md5 and digest == found.md5:
                break
            current = self.store.stat(found.url)
            if current is None:
                raise StorageError(f"{found.url}: was removed while it was being fetched; start again")
            if digest and current.version == found.version:
                if not (self._md5_is_valid and found.md5):
                    break
                if digest == previous:
                    self._md5_is_valid = False  # the same content twice, but another number: not an MD5
                    break
            previous = digest if current.version == found.version else ""
            part.unlink(missing_ok=True)
            found = current
        else:
            raise StorageError(f"{found.url}: changes each time it is read; start again when nobody writes to it")
        part.replace(path)
        self.manifest.record(name, found)

    def _download(self, found: StoredFile, part: Path) -> str:
        """Complete a part file and return its MD5; empty if the file in the store has changed."""
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

    def _read(self, found: StoredFile, start: int, end: int) -> bytes:
        """Read a range of a file; return no bytes if the store refuses because the file has changed."""
        try:
            return self.store.read(found.url, start, end)
        except StorageError:
            current = self.store.stat(found.url)
            if current is None or current.version == found.version:
                raise
            return b""

    def _advance(self, count: int) -> None:
        with self._lock:
            self._bar.update(count)

    def _part(self, name: str, found: StoredFile) -> Path:
        """Return the path of the part file, a different one for each version of the file."""
        path = self.folder / name
        version = hashlib.blake2b(found.version.encode(), digest_size=6).hexdigest()
        return path.with_name(f".{path.name}.{version}{PART_SUFFIX}")

    def _remove_parts(self, kept: set[Path]) -> None:
        """Remove old part files that are not to be completed; recent ones may belong to another process."""
        old = time.time() - UNUSED_S
        for part in [*self.folder.rglob(f".*{PART_SUFFIX}")]:
            if part not in kept and part.stat().st_mtime < old:
                part.unlink()

    def _check_room(self, missing: Mapping[str, StoredFile], title: str) -> None:
        num_present = sum(part.stat().st_size for part in map(self._part, missing, missing.values()) if part.is_file())
        needed, free = sum(found.size for found in missing.values()) - num_present, shutil.disk_usage(self.folder).free
        if needed > free:
            gb = f"{needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free"
            raise StorageError(
                f"{title}: not enough disk space in {self.folder}: {gb}; make room, or set XDG_CACHE_HOME, "
                "or use --stream"
            )
