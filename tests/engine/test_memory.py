from __future__ import annotations

import pytest
import torch

from yolo.engine.memory import is_out_of_memory, memory_used, peak_memory

CPU = torch.device("cpu")


def test_peak_memory_is_monotonic_and_covers_memory_in_use() -> None:
    before = peak_memory(CPU)
    block = torch.ones(50_000_000)  # 200 MB
    assert peak_memory(CPU) >= before
    assert peak_memory(CPU) > 0.9 * memory_used(CPU) > block.numel() * 4


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            True,
        ),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."), True),
        (MemoryError("Unable to allocate 1 GiB for an array"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_out_of_memory_errors_are_recognised(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) == expected


def test_the_error_that_pytorch_raises_is_recognised() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)
    assert is_out_of_memory(caught.value)
