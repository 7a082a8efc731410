"""Find shipped files and caches, read text, write files atomically, and lock files."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from yolo.errors import DataError, SettingsError
from yolo.system_errors import explain_failed_write

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parent
UMASK_LOCK = threading.Lock()
TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}(\.\w+)?")  # names that `atomic_path` makes


def shipped_folder(kind: Literal["cfg", "data", "weights"]) -> Path:
    """Return a folder of shipped files: in the wheel, or beside the package in a checkout."""
    inside = PACKAGE / "shipped" / kind
    return inside if inside.is_dir() else PACKAGE.parent / kind


def find_file(name: str | Path, kind: Literal["cfg", "data", "weights"], suffix: str) -> Path | None:
    """Return a file by path, or a shipped one by name, with or without its suffix.

    Args:
        name: a path (`nets/mine.cfg`) or the name of a shipped file (`yolov3-tiny`).
        kind: folder of shipped files to search.
        suffix: suffix that may be omitted, with its dot.

    Returns:
        The given path if it exists, else the shipped file, else None.
    """
    path = Path(name).expanduser()
    folder = shipped_folder(kind)
    candidates = [path, path.with_name(path.name + suffix), folder / path, folder / (path.name + suffix)]
    return next((c for c in candidates if c.is_file()), None)


def shipped_names(kind: Literal["cfg", "data"], suffix: str) -> list[str]:
    """Return the names of shipped files, sorted, without the suffix."""
    return sorted(p.name.removesuffix(suffix) for p in shipped_folder(kind).glob(f"*{suffix}"))


def cache_folder(kind: Literal["archives", "index", "images", "weights", "remote", "stream"]) -> Path:
    """Return the folder of a cache: `yolo/KIND` in `$XDG_CACHE_HOME`, or in `~/.cache` if that is not set.

    The folder `yolo` is made for its user only: it may hold images of private data sets.

    Source: XDG Base Directory Specification 0.8; a relative path counts as not set.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    home = given if given.is_absolute() else Path(os.path.expanduser("~"), ".cache")  # noqa: PTH111 (Path.home may raise)
    with contextlib.suppress(OSError):  # whoever writes to it reports the error
        (home / "yolo").mkdir(mode=0o700, parents=True, exist_ok=True)
    return home / "yolo" / kind


def require_absent(flag: str, path: Path, *, has_force: bool = False) -> None:
    """Refuse to overwrite a file or folder.

    Args:
        flag: the flag that names `path`.
        path: the file or folder to write.
        has_force: whether the program has `--force`, for the message.

    Raises:
        SettingsError: `path` exists.
    """
    if path.exists():
        other = "add --force to overwrite it" if has_force else "remove it"
        raise SettingsError(f"{flag} {path}: already exists; choose another {flag}, or {other}")


def read_text(path: Path) -> str:
    """Read a text file as UTF-8, without a byte order mark.

    Raises:
        DataError: the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file, stripped; line i of the file is at index i - 1.

    Raises:
        DataError: the file cannot be read, or is not UTF-8.
    """
    return [line.strip() for line in read_text(path).split("\n")]


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it when the block ends without an error.

    At any instant, even after a kill, `path` is the complete old file or the complete new one.

    Raises:
        StorageError: it cannot be written.
    """
    with _explain_failed_write(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _explain_failed_write(path: Path) -> Iterator[None]:
    """Name the file in the errors of a full disk and of missing permission."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if (explained := explain_failed_write(path, error)) is None:
            raise
        raise explained from error


def remove_temporaries(folder: Path) -> None:
    """Remove what `atomic_path` left in a folder when its process was killed; no other process may write there."""
    for path in folder.glob(".*"):
        if TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink()


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that is renamed to it when the block ends without an error.

    Raises:
        OSError: `path` exists and is not empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file, created if missing, and lock it against other processes of this machine that call this function."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        _lock(file.fileno())
        yield file  # closing it unlocks it


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)


@functools.cache
def _umask() -> int:
    """Return the umask; temporary files are created without regard to it."""
    with UMASK_LOCK:  # it can only be read by setting it, which affects all threads
        mask = os.umask(0)
        os.umask(mask)
        return mask
