"""The device that a program computes on, and the memory layout that suits it."""

from __future__ import annotations

import torch

from yolo import distributed
from yolo.errors import SettingsError


def select_device(name: str) -> torch.device:
    """The device that a flag names.

    Raises:
        SettingsError: no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{distributed.local_rank()}"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"--device {name}: not usable here; use auto, cpu, cuda or cuda:N") from error
    return device


def fast_layout(device: torch.device) -> torch.memory_format:
    """The memory format in which convolutions are fastest: channels last.

    Not on a CPU with one thread: there PyTorch 2.14's backward pass of small maps in it writes beyond its memory.
    """
    single = device.type == "cpu" and torch.get_num_threads() == 1
    return torch.contiguous_format if single else torch.channels_last
