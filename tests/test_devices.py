from __future__ import annotations

import torch

from yolo.devices import fast_memory_format

CPU = torch.device("cpu")


def test_channels_first_on_one_cpu_thread() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert fast_memory_format(CPU) == torch.contiguous_format
        assert fast_memory_format(torch.device("cuda")) == torch.channels_last
        torch.set_num_threads(2)
        assert fast_memory_format(CPU) == torch.channels_last
    finally:
        torch.set_num_threads(threads)
