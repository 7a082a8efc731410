"""Chooses a cache by what is free, and says so."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from yolo.config.train_settings import CacheKind
from yolo.data.cache.disk import DiskCache, bytes_before_pixels, cache_name, file_stamps, reserve
from yolo.data.cache.ram import RamCache
from yolo.data.cache.slots import ImageCache, Slots
from yolo.errors import SettingsError
from yolo.storage import cache_folder

if TYPE_CHECKING:
    from yolo.data.index import Index

logger = logging.getLogger(__name__)

AUTO_PART = 0.25  # of the free memory: what takes more is not cached by `auto`
RAM_PART = 0.7  # of the free memory that `ram` takes at most
DISK_PART = 0.9  # of the free disk that `disk` takes at most
SHARED_MEMORY = Path("/dev/shm")  # where Linux keeps it, in containers often with a small limit of its own
MEMORY_LIMITS = (  # of a container, and what it uses
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def build_cache(kind: CacheKind, index: Index, longer_side: int) -> ImageCache | None:
    """A cache for the images of an index.

    Args:
        kind: where; `auto` is `ram` if all images take no more than a quarter of the free memory, else `none`.
        index: the images.
        longer_side: of the tiles, pixels; the input's.

    Returns:
        None where nothing is cached.

    Raises:
        SettingsError: the cache's folder cannot be written.
    """
    if kind == "none" or not len(index):
        return None
    slots = Slots(index.sizes, longer_side)
    if kind == "disk":
        return _on_disk(index, slots, longer_side)
    free = free_shared_memory()
    if kind == "auto" and slots.num_bytes > AUTO_PART * free:
        logger.info(
            "image cache: none, since %s images would take %s of %s free memory; "
            "--cache ram keeps as many as fit, --cache disk uses the disk",
            f"{len(slots):,}", size_text(slots.num_bytes), size_text(free),
        )  # fmt: skip
        return None
    count = slots.fitting(int(RAM_PART * free))
    _say("memory", slots, count, free)
    return RamCache(slots, count) if count else None


def _on_disk(index: Index, slots: Slots, longer_side: int) -> DiskCache | None:
    path = cache_folder("images") / cache_name(index, longer_side)
    marks = bytes_before_pixels(len(slots))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.stat().st_size if path.exists() else 0
        free = shutil.disk_usage(path.parent).free
        count = slots.fitting((there or int(DISK_PART * free)) - marks)
        _say(str(path), slots, count, free + there)
        if not count:
            return None
        if not there:
            reserve(path, marks + int(slots.ends[count]))
        return DiskCache(slots, count, path, file_stamps(index))
    except OSError as error:
        raise SettingsError(f"--cache disk: {path} cannot be made ({error.strerror}); use ram or none") from error


def free_shared_memory() -> int:
    """Bytes that shared memory can still take: of what is free, and of the place for it."""
    return min(free_memory(), shutil.disk_usage(SHARED_MEMORY).free) if SHARED_MEMORY.is_dir() else free_memory()


def free_memory() -> int:
    """Bytes that are free in this machine and in this container."""
    free = [int(psutil.virtual_memory().available)]
    for limit, used in MEMORY_LIMITS:
        if limit.is_file() and limit.read_text().strip().isdigit():
            free.append(max(0, int(limit.read_text()) - int(used.read_text())))
    return min(free)


def size_text(num_bytes: float) -> str:
    """Bytes for people."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.1f} MB"


def _say(where: str, slots: Slots, count: int, free: int) -> None:
    logger.info(
        "image cache: %s of %s images fit, and take %s of %s free in %s",
        f"{count:,}", f"{len(slots):,}", size_text(int(slots.ends[count])), size_text(free), where,
    )  # fmt: skip
