"""The interface of stores (list, stat, read, put), with retries, and local folders as the simplest store."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from yolo.remote.retry import PAUSES_S, with_retries
from yolo.storage import atomic_path
from yolo.urls import to_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Result = TypeVar("Result")

ABSENT = (FileNotFoundError, NotADirectoryError)
FORBIDDEN = (PermissionError, FileExistsError, IsADirectoryError)
BAD_REQUESTS = (errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.ENAMETOOLONG, errno.ENOSPC)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The current state of a file in a store.

    Attributes:
        url: the URL of the file.
        size: bytes.
        tag: changes with the content: the ETag, or a time if the store has none.
        modified: time of the last change, seconds since the epoch; 0 if unknown.
        md5: of the content, 32 hexadecimal digits; empty if unknown. Encryption may make it wrong.
    """

    url: str
    size: int
    tag: str
    modified: float
    md5: str = ""

    @property
    def version(self) -> str:
        """Text that differs for any other content of the same file."""
        return f"{self.tag} {self.size}"


class Store(ABC):
    """A kind of store. A new one is a subclass with five methods and an entry in `yolo.remote.open_store`."""

    errors: ClassVar[tuple[type[BaseException], ...]] = (OSError, EOFError)

    def list_files(self, folder: str) -> dict[str, StoredFile]:
        """Return all files below a folder by relative name; none if the folder does not exist.

        Raises:
            StorageError: the folder cannot be listed.
        """
        return self._retry(lambda: self._list_files(folder), f"{folder}: cannot be listed")

    def stat(self, url: str) -> StoredFile | None:
        """Return the current state of a file; None if it does not exist.

        Raises:
            StorageError: the store does not answer.
        """
        return self._retry(lambda: self._stat(url), f"{url}: cannot be looked up")

    def read(self, url: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes of a file from `start` to before `end`, fewer if the file is shorter.

        Raises:
            StorageError: the file cannot be read.
        """
        return self._retry(lambda: self._read(url, start, end), f"{url}: cannot be read")

    def put(self, path: Path, url: str, pauses_s: Sequence[float] = PAUSES_S) -> None:
        """Upload a file atomically, and check that it arrived.

        Raises:
            StorageError: the file cannot be written, or arrives with another size.
        """

        def write() -> None:
            self._put(path, url)
            if not self._has_copy(path, url):
                raise EOFError("the uploaded file differs from the local one")

        self._retry(write, f"{url}: cannot be written", pauses_s)

    def has_copy(self, path: Path, url: str, pauses_s: Sequence[float] = PAUSES_S) -> bool:
        """Return whether a file in the store equals a local one; False if that cannot be found out cheaply.

        Raises:
            StorageError: the store does not answer.
        """
        return self._retry(lambda: self._has_copy(path, url, exact=True), f"{url}: cannot be looked up", pauses_s)

    def is_permanent(self, error: BaseException) -> bool:
        """Return whether a further attempt would fail with the same error."""
        is_bad_request = isinstance(error, OSError) and error.errno in BAD_REQUESTS
        return is_bad_request or isinstance(error, (*ABSENT, *FORBIDDEN))

    @abstractmethod
    def _list_files(self, folder: str) -> dict[str, StoredFile]: ...

    @abstractmethod
    def _stat(self, url: str) -> StoredFile | None: ...

    @abstractmethod
    def _read(self, url: str, start: int, end: int | None) -> bytes: ...

    @abstractmethod
    def _put(self, path: Path, url: str) -> None: ...

    @abstractmethod
    def _has_copy(self, path: Path, url: str, *, exact: bool = False) -> bool:
        """Return whether a file has the same content; if not `exact`, the same size is enough."""

    def _retry(self, call: Callable[[], Result], failure: str, pauses_s: Sequence[float] = PAUSES_S) -> Result:
        return with_retries(call, failure, errors=self.errors, is_permanent=self.is_permanent, pauses_s=pauses_s)


class LocalStore(Store):
    """Local folders, such as mounted drives. Copies keep the time of the last change, which identifies them."""

    def _list_files(self, folder: str) -> dict[str, StoredFile]:
        root = to_path(folder)
        paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
        return {path.relative_to(root).as_posix(): _local_file(path) for path in paths}

    def _stat(self, url: str) -> StoredFile | None:
        path = to_path(url)
        return _local_file(path) if path.is_file() else None

    def _read(self, url: str, start: int, end: int | None) -> bytes:
        with to_path(url).open("rb") as file:
            file.seek(start)
            return file.read(-1 if end is None else end - start)

    def _put(self, path: Path, url: str) -> None:
        target = to_path(url)
        with atomic_path(target) as temporary:
            shutil.copyfile(path, temporary)
        os.utime(target, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))

    def _has_copy(self, path: Path, url: str, *, exact: bool = False) -> bool:
        target = to_path(url)
        if not target.is_file():
            return False
        there, here = target.stat(), path.stat()
        return there.st_size == here.st_size and (not exact or there.st_mtime_ns == here.st_mtime_ns)


def _local_file(path: Path) -> StoredFile:
    stat = path.stat()
    return StoredFile(url=str(path), size=stat.st_size, tag=str(stat.st_mtime_ns), modified=stat.st_mtime)


def file_md5(path: Path) -> str:
    """Return the MD5 of a file's content, 32 hexadecimal digits."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
