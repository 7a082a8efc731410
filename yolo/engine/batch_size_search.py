"""Search for the largest batch that fits in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psutil
import torch

from yolo.system_errors import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable

CUDA_FRACTION = 0.9  # of the device's memory
CPU_FRACTION = 0.8  # of the free memory; the rest is left to other programs
MAX_CPU_BATCH_SIZE = 64  # larger batches are not faster there
SAMPLE_INTERVAL_S = 0.002
RELATIVE_TOLERANCE = 1 / 8  # the result is at least 1 - 1/8 of the largest batch that fits


def largest_on_cuda(step: Callable[[int], None], device: torch.device, max_batch_size: int) -> tuple[int, str]:
    """Try growing batches on a CUDA device until one does not fit.

    Args:
        step: runs one training step with the given number of images.
        device: to train on.
        max_batch_size: the largest useful batch.

    Returns:
        The batch size (0 if not even one image fits), and how it was found, for a message.
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
        fraction = torch.cuda.max_memory_reserved(device) / total
        tried.append(f"{size}: {fraction:.0%}")
        return fraction <= CUDA_FRACTION

    size = find_largest(fits, max_batch_size)
    torch.cuda.empty_cache()
    return size, f"memory taken by a batch of {', '.join(tried)}"


def find_largest(fits: Callable[[int], bool], max_batch_size: int) -> int:
    """Return the largest batch size that fits, up to `max_batch_size` and within `RELATIVE_TOLERANCE`; 0 if none does.

    Doubles the size until it does not fit, then bisects.
    """
    good, bad = 0, max_batch_size + 1
    size = 1
    while good < size < bad:
        if fits(size):
            good = size
        else:
            bad = size
        doubled = min(2 * good, max_batch_size) if bad > max_batch_size else 0
        size = doubled or (good if bad - good <= max(1, int(good * RELATIVE_TOLERANCE)) else (good + bad) // 2)
    return good


def largest_on_cpu(step: Callable[[int], None], free_bytes: int, max_batch_size: int) -> tuple[int, str]:
    """Extrapolate linearly from the memory of steps with one and with two images.

    Args:
        step: runs one training step with the given number of images.
        free_bytes: free memory.
        max_batch_size: the largest useful batch.

    Returns:
        The batch size (0 if not even one image fits), and how it was found, for a message.
    """
    before = int(psutil.Process().memory_info().rss)
    one, two = peak_of(step, 1) - before, peak_of(step, 2) - before
    size = extrapolate_batch_size(one, two, int(CPU_FRACTION * free_bytes), min(max_batch_size, MAX_CPU_BATCH_SIZE))
    gib = [value / 2**30 for value in (one, two, free_bytes)]
    return (
        size,
        f"one image takes {gib[0]:.2f} GiB, two {gib[1]:.2f}, of {gib[2]:.1f} free; at most {MAX_CPU_BATCH_SIZE}",
    )


def extrapolate_batch_size(one: int, two: int, limit: int, max_batch_size: int) -> int:
    """Return how many images fit in `limit` bytes, given the bytes that one and two images take."""
    per_image = two - one if two > one else max(one, 1)  # memory that the allocator kept can hide the second image
    fixed = max(0, one - per_image)
    return max(0, min(max_batch_size, (limit - fixed) // per_image))


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
