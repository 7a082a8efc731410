from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from yolo.engine.batch_size_search import extrapolate_batch_size, find_largest, largest_on_cpu, largest_on_cuda, peak_of

MB = 10**6


@pytest.mark.parametrize(
    ("limit", "upper_bound", "tried", "found"),
    [
        (0, 100, [1], 0),  # one image does not fit
        (1, 100, [1, 2], 1),
        (5, 100, [1, 2, 4, 8, 6, 5], 5),
        (100, 100, [1, 2, 4, 8, 16, 32, 64, 100], 100),  # capped by the upper bound
        (100, 1, [1], 1),
        (40, 1000, [1, 2, 4, 8, 16, 32, 64, 48, 40, 44], 40),  # to within an eighth
    ],
)
def test_search_finds_the_largest_size_that_fits(limit: int, upper_bound: int, tried: list[int], found: int) -> None:
    seen = []

    def fits(size: int) -> bool:
        seen.append(size)
        return size <= limit

    assert find_largest(fits, upper_bound) == found
    assert seen == tried


@pytest.mark.parametrize(
    ("one", "two", "limit", "upper_bound", "found"),
    [
        (30, 50, 1000, 64, 49),  # 20 per image and 10 fixed
        (30, 50, 1000, 16, 16),
        (30, 50, 30, 64, 1),
        (30, 50, 29, 64, 0),
        (30, 30, 1000, 64, 33),  # no increase measured: assume the first one per image
        (0, 0, 1000, 64, 64),  # nothing measured
    ],
)
def test_extrapolation_from_one_and_two_images(one: int, two: int, limit: int, upper_bound: int, found: int) -> None:
    assert extrapolate_batch_size(one, two, limit, upper_bound) == found


def test_peak_counts_memory_freed_before_the_end() -> None:
    def step(size: int) -> None:
        np.ones(size * 100 * MB, np.uint8).sum()

    assert peak_of(step, 3) - peak_of(step, 1) == pytest.approx(200 * MB, rel=0.2)


def test_cpu_size_follows_from_free_memory() -> None:
    def step(size: int) -> None:
        np.ones(size * 100 * MB, np.uint8).sum()

    size, how = largest_on_cpu(step, 1000 * MB, 64)
    assert 6 <= size <= 9
    assert "of 0.9 free; at most 64" in how
    assert largest_on_cpu(step, 50 * MB, 64)[0] == 0
    assert largest_on_cpu(step, 1000 * MB, 2)[0] == 2


def test_other_errors_are_raised_again() -> None:
    def step(size: int) -> None:
        raise ValueError(size)

    with pytest.raises(ValueError, match="1"):
        peak_of(step, 1)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Fake a device of 1000 bytes; return a step that takes 30 bytes per image and fails above 1000."""
    taken = SimpleNamespace(peak=0)

    def step(size: int) -> None:
        taken.peak = 30 * size
        if taken.peak > 1000:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (900, 1000))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: taken.peak)
    return step


def test_cuda_size_is_found_by_trying(cuda: Callable[[int], None]) -> None:
    size, how = largest_on_cuda(cuda, torch.device("cuda"), 500)
    assert size == 30  # 900 bytes: 90 % of the device
    assert how.startswith("memory taken by a batch of 1: 3%, 2: 6%, 4: 12%, 8: 24%, 16: 48%, 32: 96%, 24: 72%")
    assert largest_on_cuda(cuda, torch.device("cuda"), 10)[0] == 10


def test_cuda_search_survives_out_of_memory_but_no_other_error(cuda: Callable[[int], None]) -> None:
    def large(size: int) -> None:
        cuda(20 * size)

    assert largest_on_cuda(large, torch.device("cuda"), 500) == (
        1,
        "memory taken by a batch of 1: 60%, 2: does not fit",
    )

    def broken(size: int) -> None:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        largest_on_cuda(broken, torch.device("cuda"), 500)
