from pathlib import Path

import pytest

from yolo.data import memory_limits
from yolo.data.memory_limits import free_memory, free_shared_memory, size_text


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = free_memory()
    assert everything > 0
    limit, used = tmp_path / "max", tmp_path / "current"
    used.write_text("300\n")
    for text, free in [("1000\n", 700), ("200\n", 0), ("max\n", None)]:
        limit.write_text(text)
        monkeypatch.setattr(memory_limits, "MEMORY_LIMITS", ((limit, used),))
        assert free_memory() == free if free is not None else free_memory() > 1000


def test_shared_memory_may_be_scarcer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limits, "free_memory", lambda: 1000)
    monkeypatch.setattr(memory_limits, "SHARED_MEMORY", tmp_path / "none")
    assert free_shared_memory() == 1000
    monkeypatch.setattr(memory_limits, "SHARED_MEMORY", tmp_path)
    assert free_shared_memory() == 1000
    monkeypatch.setattr(memory_limits, "free_memory", lambda: 2**80)
    assert 0 <= free_shared_memory() < 2**60


@pytest.mark.parametrize(("num_bytes", "text"), [(1.23e9, "1.2 GB"), (999e6, "999.0 MB"), (50_000, "0.1 MB")])
def test_sizes_are_for_people(num_bytes: float, text: str) -> None:
    assert size_text(num_bytes) == text
