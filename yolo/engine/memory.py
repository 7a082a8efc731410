"""Memory that a run uses."""

from __future__ import annotations

import sys

import psutil
import torch

GIB = 2**30


def memory_used(device: torch.device) -> int:
    """Return bytes: the maximum reserved on a CUDA device so far, else those of the process now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    return int(psutil.Process().memory_info().rss)


def peak_memory(device: torch.device) -> int:
    """Return the maximum of bytes so far: on a CUDA device, else of this process without its workers."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # exists only on Unix

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
