"""Devices, and the memory format that is fastest on them."""

from __future__ import annotations

import torch

from yolo.errors import SettingsError


def select_device(name: str, local_rank: int = 0) -> torch.device:
    """Return the device that --device names.

    Args:
        name: `auto`, or as PyTorch names devices.
        local_rank: number of the GPU that `auto` and `cuda` mean: each process of a machine has its own.

    Raises:
        SettingsError: there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{local_rank}"
    try:
        device = torch.device(name)
        torch.empty(0, device=device).cpu()  # `meta` has no values
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise SettingsError(f"--device {name}: not usable here; use auto, cpu, cuda or cuda:N") from error
    return device


def fast_memory_format(device: torch.device) -> torch.memory_format:
    """Return the memory format in which convolutions are fastest: channels last.

    On a CPU with one thread it is channels first: there the backward pass of PyTorch 2.14 for small channels-last maps
    writes out of bounds.
    """
    is_single_thread = device.type == "cpu" and torch.get_num_threads() == 1
    return torch.contiguous_format if is_single_thread else torch.channels_last
