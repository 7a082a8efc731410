"""Search for the largest batch that fits in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psutil
import torch

from yolo.engine.memory import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable

CUDA_SHARE = 0.9  # of the device's memory
CPU_SHARE = 0.8  # of the free memory: the needs of the system vary
MAX_ON_CPU = 64  # larger batches are not faster there
SAMPLE_INTERVAL_S = 0.002
PRECISION = 8  # the result is at least 1 - 1/8 of the largest that fits


def largest_on_cuda(step: Callable[[int], None], device: torch.device, most: int) -> tuple[int, str]:
    """Try growing batches on a CUDA device until one does not fit.

    Args:
        step: makes a training step with so many images.
        device: to train on.
        most: the largest useful batch.

    Returns:
        The batch size (0: not even one image fits), and how it was found, for a message.
    """
    total = torch.cuda.mem_get_info(device)[1]
    tried: list[str] = []

    def fits(size: int) -> bool:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        try:
            step(size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            tried.append(f"{size}: does not fit")
            return False
        share = torch.cuda.max_memory_reserved(device) / total
        tried.append(f"{size}: {share:.0%}")
        return share <= CUDA_SHARE

    size = largest_that(fits, most)
    torch.cuda.empty_cache()
    return size, f"memory taken by a batch of {', '.join(tried)}"


def largest_that(fits: Callable[[int], bool], most: int) -> int:
    """Return the largest number up to `most` that fits, to an eighth; 0: none.

    Doubles until one does not fit, then halves the interval.
    """
    good, bad = 0, most + 1
    size = 1
    while good < size < bad:
        if fits(size):
            good = size
        else:
            bad = size
        doubled = min(2 * good, most) if bad > most else 0
        size = doubled or (good if bad - good <= max(1, good // PRECISION) else (good + bad) // 2)
    return good


def largest_on_cpu(step: Callable[[int], None], free_bytes: int, most: int) -> tuple[int, str]:
    """Extrapolate linearly from the memory of steps with one and with two images.

    Args:
        step: makes a training step with so many images.
        free_bytes: memory that may be used.
        most: the largest useful batch.

    Returns:
        The batch size (0: not even one image fits), and how it was found, for a message.
    """
    before = int(psutil.Process().memory_info().rss)
    one, two = peak_of(step, 1) - before, peak_of(step, 2) - before
    size = extrapolated(one, two, int(CPU_SHARE * free_bytes), min(most, MAX_ON_CPU))
    gib = [value / 2**30 for value in (one, two, free_bytes)]
    return size, f"one image takes {gib[0]:.2f} GiB, two {gib[1]:.2f}, of {gib[2]:.1f} free; at most {MAX_ON_CPU}"


def extrapolated(one: int, two: int, limit: int, most: int) -> int:
    """Return how many images fit in `limit` bytes, given the bytes of one and of two."""
    each = two - one if two > one else max(one, 1)  # memory kept by the allocator can hide the second
    fixed = max(0, one - each)
    return max(0, min(most, (limit - fixed) // each))


def peak_of(step: Callable[[int], None], size: int) -> int:
    """Return the peak memory of this process during a step, bytes."""
    process = psutil.Process()
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(SAMPLE_INTERVAL_S):
            peak = max(peak, int(process.memory_info().rss))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        step(size)
    finally:
        done.set()
        thread.join()
    return max(peak, int(process.memory_info().rss))
