from __future__ import annotations

import pytest
import torch

from yolo.engine.memory import is_out_of_memory, memory_used, peak_memory

CPU = torch.device("cpu")


def test_the_peak_is_no_less_than_what_is_used() -> None:
    before = peak_memory(CPU)
    block = torch.ones(50_000_000)  # 200 MB
    assert peak_memory(CPU) >= before
    assert peak_memory(CPU) > 0.9 * memory_used(CPU) > block.numel() * 4


@pytest.mark.parametrize(
    ("error", "is_it"),
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
def test_what_running_out_of_memory_looks_like(error: Exception, is_it: bool) -> None:
    assert is_out_of_memory(error) == is_it


def test_pytorch_says_it_in_these_words() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)
    assert is_out_of_memory(caught.value)
