from __future__ import annotations

import errno
import os

import pytest
import torch

from yolo.errors import SystemLimitError, YoloError
from yolo.system_errors import explain, is_out_of_memory


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            True,
        ),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."), True),
        (MemoryError("Unable to allocate 1 GiB for an array"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_out_of_memory_errors_are_recognised(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) == expected
    assert isinstance(explain(error), SystemLimitError) == expected


def test_the_error_that_pytorch_raises_is_recognised() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)
    assert is_out_of_memory(caught.value)


def os_error(number: int, filename: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), *([filename] if filename else []))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            os_error(errno.ENOSPC, "runs/a"),
            "runs/a: No space left on device; free some space, or choose a folder",
        ),
        (os_error(errno.ENOSPC), "No space left on device; free some space"),
        (os_error(errno.EACCES, "a.pt"), "a.pt: Permission denied; change its permissions, or choose another folder"),
        (os_error(errno.ENOTDIR, "file/x.pt"), "file/x.pt: Not a directory; choose another path: part of it is a file"),
        (os_error(errno.EMFILE), "Too many open files; raise the limit with ulimit -n 4096, or use fewer --workers"),
        (os_error(errno.ENOMEM), "out of memory; use a smaller --batch-size"),
        (os_error(errno.EIO, "a.jpg"), "a.jpg: Input/output error; check the path"),
        (
            RuntimeError("DataLoader worker (pid 17) is killed by signal: Killed. "),
            "--workers: worker process 17 was killed, probably by the system as memory ran out; use fewer --workers",
        ),
        (
            RuntimeError("DataLoader worker (pid 17) is killed by signal: Bus error. It is possible that data"),
            "--workers: worker process 17 found no space in shared memory; enlarge /dev/shm",
        ),
        (
            RuntimeError("DataLoader worker (pid(s) 17, 18) exited unexpectedly"),
            "--workers: worker process 17, 18 was killed, probably by the system as memory ran out",
        ),
        (
            RuntimeError("DataLoader worker (pid 17) exited unexpectedly with exit code 1. Details are lost"),
            "--workers: worker process 17 exited unexpectedly with exit code 1; --workers 0 shows why",
        ),
        (RuntimeError("DataLoader timed out after 600 seconds"), "--workers: no batch arrived within 600 s; check the"),
        (
            RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos"),
            "a file cannot be written",
        ),
    ],
)
def test_what_the_system_refuses_is_one_line_with_a_remedy(error: Exception, message: str) -> None:
    explained = explain(error)
    assert isinstance(explained, YoloError)
    assert str(explained).startswith(message)


@pytest.mark.parametrize("error", [os_error(errno.EPIPE), RuntimeError("bug"), ValueError("bug"), KeyError("bug")])
def test_mistakes_of_ours_keep_their_traceback(error: Exception) -> None:
    assert explain(error) is None
