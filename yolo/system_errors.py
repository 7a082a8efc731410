"""Turn what the operating system refuses (memory, disk, permission, a killed worker) into errors for users."""

from __future__ import annotations

import contextlib
import errno
import re
from typing import TYPE_CHECKING

from yolo.errors import StorageError, SystemLimitError, YoloError

if TYPE_CHECKING:
    from collections.abc import Iterator

REMEDIES = {
    errno.ENOSPC: "free some space, or choose a folder on another disk",
    errno.EDQUOT: "free some space, or choose a folder on another disk",
    errno.EACCES: "change its permissions, or choose another folder",
    errno.EPERM: "change its permissions, or choose another folder",
    errno.EROFS: "choose another folder",
    errno.ENOTDIR: "choose another path: part of it is a file",
    errno.EISDIR: "choose another path: a folder has this name",
    errno.EEXIST: "choose another path: a file has this name",
    errno.ENOTEMPTY: "choose another path: a folder has this name",
    errno.EMFILE: "raise the limit with ulimit -n 4096, or use fewer --workers",
    errno.ENFILE: "close other programs, or use fewer --workers",
    errno.EAGAIN: "raise the limit of processes (ulimit -u), or use fewer --workers",
}
LESS_MEMORY = "use a smaller --batch-size or --img-size, or fewer --workers"
OUT_OF_MEMORY = (  # of PyTorch's allocator on Linux and on Windows, and of OpenCV
    "can't allocate memory",
    "not enough memory",
    "Insufficient memory",
)
FULL_WHILE_SAVING = ("inline_container.cc", "PytorchStreamWriter")  # PyTorch's writer of zip files
WORKER_ENDED = re.compile(r"DataLoader worker \(pid(?:\(s\))? (?P<pid>[\d, ]+)\) (?P<how>[^.]*)")
WORKER_IS_LATE = re.compile(r"DataLoader timed out after (?P<seconds>\d+)")


@contextlib.contextmanager
def explain_system_errors() -> Iterator[None]:
    """Turn errors of the operating system within the block into a `YoloError`, and leave all others as they are.

    Raises:
        YoloError: the system refused something.
    """
    try:
        yield
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        raise explained from error


def explain(error: BaseException) -> YoloError | None:
    """Return an error of the operating system as one for users; None if it is another one."""
    if is_out_of_memory(error) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return SystemLimitError(f"out of memory; {LESS_MEMORY}")
    if isinstance(error, OSError):
        return _explain_os_error(error)
    if not isinstance(error, RuntimeError):
        return None
    text = str(error)
    if late := WORKER_IS_LATE.search(text):
        return SystemLimitError(
            f"--workers: no batch arrived within {late['seconds']} s; check the disk or network that the images come "
            "from, or use --workers 0"
        )
    if ended := WORKER_ENDED.search(text):
        return SystemLimitError(_explain_worker(ended["pid"], ended["how"]))
    if "Too many open files" in text:
        return SystemLimitError(f"too many open files; {REMEDIES[errno.EMFILE]}")
    if any(part in text for part in FULL_WHILE_SAVING):
        return StorageError(f"a file cannot be written, probably as the disk is full; {REMEDIES[errno.ENOSPC]}")
    return None


def explain_failed_write(where: object, error: OSError | RuntimeError) -> StorageError | None:
    """Return the error of a file that cannot be written, as one for users; None if it is another one."""
    if isinstance(error, OSError) and error.errno in REMEDIES:
        return StorageError(f"{where}: cannot be written: {error.strerror}; {REMEDIES[error.errno]}")
    if isinstance(error, RuntimeError) and any(part in str(error) for part in FULL_WHILE_SAVING):
        return StorageError(f"{where}: cannot be written, probably as the disk is full; {REMEDIES[errno.ENOSPC]}")
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that a device or the machine is out of memory."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    is_of_library = isinstance(error, RuntimeError) or type(error).__module__ == "cv2"
    return is_of_library and any(text in str(error) for text in OUT_OF_MEMORY)


def _explain_os_error(error: OSError) -> YoloError | None:
    """Return an error with its file, or with a known remedy; one with neither may be a mistake of ours."""
    if error.filename is None and error.errno not in REMEDIES:
        return None
    where = f"{error.filename}: " if error.filename is not None else ""
    return StorageError(f"{where}{error.strerror}; {REMEDIES.get(error.errno or 0, 'check the path')}")


def _explain_worker(pid: str, how: str) -> str:
    """Return what happened to a worker process, from PyTorch's message, and what to do."""
    if "Bus error" in how:
        return (
            f"--workers: worker process {pid} found no space in shared memory; enlarge /dev/shm "
            "(docker run --shm-size=8g, or --ipc=host), or use fewer --workers or --cache none"
        )
    if "exit code" in how:
        return f"--workers: worker process {pid} {how.strip()}; --workers 0 shows why"
    return (
        f"--workers: worker process {pid} was killed, probably by the system as memory ran out; use fewer --workers, "
        "a smaller --batch-size, or --cache none or disk"
    )
