"""Free memory of the machine, its container and its shared memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil

SHARED_MEMORY = Path("/dev/shm")  # of Linux; containers often limit it
MEMORY_LIMITS = (  # of a container, and its use
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def free_shared_memory() -> int:
    """Return the free bytes of shared memory."""
    return min(free_memory(), shutil.disk_usage(SHARED_MEMORY).free) if SHARED_MEMORY.is_dir() else free_memory()


def free_memory() -> int:
    """Return the free bytes of memory in this machine and container."""
    free = [int(psutil.virtual_memory().available)]
    for limit, used in MEMORY_LIMITS:
        if limit.is_file() and limit.read_text().strip().isdigit():
            free.append(max(0, int(limit.read_text()) - int(used.read_text())))
    return min(free)


def size_text(num_bytes: float) -> str:
    """Return a number of bytes as text."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.1f} MB"
