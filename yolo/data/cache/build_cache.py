"""Choose and build a cache by the free memory or disk."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from yolo import distributed
from yolo.config.train_settings import CacheKind
from yolo.data.cache.disk import DiskCache, bytes_before_pixels, cache_name, file_stamps, reserve
from yolo.data.cache.ram import RamCache
from yolo.data.cache.slots import ImageCache, Slots
from yolo.data.memory_limits import free_shared_memory, size_text
from yolo.errors import SettingsError, StorageError
from yolo.storage import cache_folder

if TYPE_CHECKING:
    from yolo.data.index import Index

logger = logging.getLogger(__name__)

AUTO_PART = 0.25  # of the free memory: `auto` caches no data set that needs more
RAM_FRACTION = 0.7  # maximum fraction of the free memory for `ram`
DISK_FRACTION = 0.9  # maximum fraction of the free disk space for `disk`


def build_cache(kind: CacheKind, index: Index, longer_side: int) -> ImageCache | None:
    """Build a cache for the images of an index.

    Args:
        kind: `auto` is `ram` if all images take at most a quarter of the free memory, else `none`.
        index: the images.
        longer_side: of the resized images, pixels.

    Returns:
        The cache; None if nothing is cached.

    Raises:
        SettingsError: the cache's folder cannot be written.
    """
    if kind == "none" or not len(index):
        return None
    slots = Slots(index.sizes, longer_side)
    if kind == "disk":
        return _on_disk(index, slots, longer_side)
    free = free_shared_memory() // distributed.local_world_size()  # each process fills a cache of its own
    if kind == "auto" and slots.num_bytes > AUTO_PART * free:
        logger.info(
            "image cache: none, since %s images would take %s of %s free memory; "
            "--cache ram keeps as many as fit, --cache disk uses the disk",
            f"{len(slots):,}", size_text(slots.num_bytes), size_text(free),
        )  # fmt: skip
        return None
    count = slots.num_fitting(int(RAM_FRACTION * free))
    _log_size("memory", slots, count, free)
    return RamCache(slots, count) if count else None


def _on_disk(index: Index, slots: Slots, longer_side: int) -> DiskCache | None:
    path = cache_folder("images") / cache_name(index, longer_side)
    marks = bytes_before_pixels(len(slots))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.stat().st_size if path.exists() else 0
        free = shutil.disk_usage(path.parent).free
        count = slots.num_fitting((there or int(DISK_FRACTION * free)) - marks)
        _log_size(str(path), slots, count, free + there)
        if not count:
            return None
        if not there:
            reserve(path, marks + int(slots.ends[count]))
        return DiskCache(slots, count, path, file_stamps(index))
    except (OSError, StorageError) as error:
        raise SettingsError(f"--cache disk: {path} cannot be made ({error}); use ram or none") from error


def _log_size(where: str, slots: Slots, count: int, free: int) -> None:
    logger.info(
        "image cache: %s of %s images fit, and take %s of %s free in %s",
        f"{count:,}", f"{len(slots):,}", size_text(int(slots.ends[count])), size_text(free), where,
    )  # fmt: skip
