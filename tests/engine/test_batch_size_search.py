from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from yolo.engine.batch_size_search import extrapolated, largest_on_cpu, largest_on_cuda, largest_that, peak_of

MB = 10**6


@pytest.mark.parametrize(
    ("limit", "most", "tried", "found"),
    [
        (0, 100, [1], 0),  # not even one
        (1, 100, [1, 2], 1),
        (5, 100, [1, 2, 4, 8, 6, 5], 5),
        (100, 100, [1, 2, 4, 8, 16, 32, 64, 100], 100),  # all of the split
        (100, 1, [1], 1),
        (40, 1000, [1, 2, 4, 8, 16, 32, 64, 48, 40, 44], 40),  # to an eighth
    ],
)
def test_the_largest_that_fits(limit: int, most: int, tried: list[int], found: int) -> None:
    seen = []

    def fits(size: int) -> bool:
        seen.append(size)
        return size <= limit

    assert largest_that(fits, most) == found
    assert seen == tried


@pytest.mark.parametrize(
    ("one", "two", "limit", "most", "found"),
    [
        (30, 50, 1000, 64, 49),  # 20 an image, 10 besides
        (30, 50, 1000, 16, 16),
        (30, 50, 30, 64, 1),
        (30, 50, 29, 64, 0),
        (30, 30, 1000, 64, 33),  # the second is hidden: as much as the first
        (0, 0, 1000, 64, 64),  # nothing to be seen
    ],
)
def test_a_straight_line_through_one_and_two(one: int, two: int, limit: int, most: int, found: int) -> None:
    assert extrapolated(one, two, limit, most) == found


def test_the_peak_is_seen_though_it_is_gone_at_the_end() -> None:
    def step(size: int) -> None:
        np.ones(size * 100 * MB, np.uint8).sum()

    assert peak_of(step, 3) - peak_of(step, 1) == pytest.approx(200 * MB, rel=0.2)


def test_on_a_cpu_by_its_free_memory() -> None:
    def step(size: int) -> None:
        np.ones(size * 100 * MB, np.uint8).sum()

    size, how = largest_on_cpu(step, 1000 * MB, 64)
    assert 6 <= size <= 9
    assert "of 0.9 free; at most 64" in how
    assert largest_on_cpu(step, 50 * MB, 64)[0] == 0
    assert largest_on_cpu(step, 1000 * MB, 2)[0] == 2


def test_an_error_of_another_kind_is_not_hidden() -> None:
    def step(size: int) -> None:
        raise ValueError(size)

    with pytest.raises(ValueError, match="1"):
        peak_of(step, 1)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A device of 1000 bytes, of which a step takes 30 an image; more than 1000 is an error."""
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


def test_on_cuda_by_trying(cuda: Callable[[int], None]) -> None:
    size, how = largest_on_cuda(cuda, torch.device("cuda"), 500)
    assert size == 30  # 900 bytes
    assert how.startswith("memory taken by a batch of 1: 3%, 2: 6%, 4: 12%, 8: 24%, 16: 48%, 32: 96%, 24: 72%")
    assert largest_on_cuda(cuda, torch.device("cuda"), 10)[0] == 10


def test_on_cuda_too_large_is_no_error(cuda: Callable[[int], None]) -> None:
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
