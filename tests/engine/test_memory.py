from __future__ import annotations

import torch

from yolo.engine.memory import memory_used, peak_memory

CPU = torch.device("cpu")


def test_peak_memory_is_monotonic_and_covers_memory_in_use() -> None:
    before = peak_memory(CPU)
    block = torch.ones(50_000_000)  # 200 MB
    assert peak_memory(CPU) >= before
    assert peak_memory(CPU) > 0.9 * memory_used(CPU) > block.numel() * 4
