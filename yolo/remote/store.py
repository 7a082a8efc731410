"""What every store can do: list, look, read, write; each is tried again where the network fails."""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from yolo.remote.retry import PAUSES_S, with_retries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Result = TypeVar("Result")

ABSENT = (FileNotFoundError, NotADirectoryError)
FORBIDDEN = (PermissionError, FileExistsError, IsADirectoryError)
BAD_REQUESTS = (errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.ENAMETOOLONG, errno.ENOSPC)


@dataclass(frozen=True, slots=True)
class Object:
    """A file in a store, as it is now."""

    url: str
    size: int  # bytes
    tag: str  # changes with the content: the ETag, or a time where there is none
    modified: float  # seconds since the epoch; 0 where the store does not say
    md5: str = ""  # of the content, 32 hexadecimal digits, where the store says so; encryption may make it wrong

    @property
    def version(self) -> str:
        """Differs from that of any other content of the same name."""
        return f"{self.tag} {self.size}"


class Store(ABC):
    """A kind of store. A new one is one subclass with five methods, and one entry in `yolo.remote.stores`."""

    faults: ClassVar[tuple[type[BaseException], ...]] = (OSError, EOFError)

    def files(self, folder: str) -> dict[str, Object]:
        """All files below a folder, by their names from there; none where nothing is.

        Raises:
            StorageError: it cannot be listed.
        """
        return self._retried(lambda: self._files(folder), f"{folder}: cannot be listed")

    def look(self, url: str) -> Object | None:
        """A file as it is now; None: there is none of this name.

        Raises:
            StorageError: the store does not say.
        """
        return self._retried(lambda: self._look(url), f"{url}: cannot be looked at")

    def read(self, url: str, start: int = 0, end: int | None = None) -> bytes:
        """The bytes of a file from `start` to before `end`; fewer where the file ends before.

        Raises:
            StorageError: it cannot be read.
        """
        return self._retried(lambda: self._read(url, start, end), f"{url}: cannot be read")

    def put(self, path: Path, url: str, pauses_s: Sequence[float] = PAUSES_S) -> None:
        """Write a file, whole or not at all, and see that it is there.

        Raises:
            StorageError: it cannot be written, or comes out otherwise.
        """

        def write() -> None:
            self._put(path, url)
            if not self._holds(path, url):
                raise EOFError("what came out is not what went in")

        self._retried(write, f"{url}: cannot be written", pauses_s)

    def holds(self, path: Path, url: str, pauses_s: Sequence[float] = PAUSES_S) -> bool:
        """Whether a file in the store is the same as one on this machine; False where that cannot be told cheaply.

        Raises:
            StorageError: the store does not say.
        """
        return self._retried(lambda: self._holds(path, url, sure=True), f"{url}: cannot be looked at", pauses_s)

    def is_hopeless(self, error: BaseException) -> bool:
        """Whether an error lies in what was asked, so that it would come again."""
        bad = isinstance(error, OSError) and error.errno in BAD_REQUESTS
        return bad or isinstance(error, (*ABSENT, *FORBIDDEN))

    @abstractmethod
    def _files(self, folder: str) -> dict[str, Object]: ...

    @abstractmethod
    def _look(self, url: str) -> Object | None: ...

    @abstractmethod
    def _read(self, url: str, start: int, end: int | None) -> bytes: ...

    @abstractmethod
    def _put(self, path: Path, url: str) -> None: ...

    @abstractmethod
    def _holds(self, path: Path, url: str, *, sure: bool = False) -> bool:
        """Whether a file is there with the same content; not `sure`: or one that may have it."""

    def _retried(self, call: Callable[[], Result], what: str, pauses_s: Sequence[float] = PAUSES_S) -> Result:
        return with_retries(call, what, faults=self.faults, is_hopeless=self.is_hopeless, pauses_s=pauses_s)
