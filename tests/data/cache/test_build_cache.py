import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.data.painting import index_of, paint
from yolo.config.train_settings import CacheKind
from yolo.data.cache import build_cache as cache_module
from yolo.data.cache.build_cache import build_cache
from yolo.data.cache.disk import DiskCache
from yolo.data.cache.ram import RamCache
from yolo.data.index import Index
from yolo.errors import SettingsError

TILE_BYTES = 64 * 48 * 3


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return index_of(tmp_path, [paint((80, 60), []) for _ in range(4)])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "yolo" / "images"


def kept(cache: RamCache | DiskCache | None, number: int = 4) -> int:
    if cache is None:
        return 0
    for i in range(number):
        cache.put(i, np.zeros((48, 64, 3), np.uint8))
    return sum(cache.get(i) is not None for i in range(number))


@pytest.mark.parametrize(
    ("kind", "free_tiles", "count", "said"),
    [
        ("ram", 100, 4, "4 of 4 images fit, and take 0.0 MB of 0.9 MB free in memory"),
        ("ram", 4, 2, "2 of 4 images fit, and take 0.0 MB of 0.0 MB free in memory"),  # 0.7 of 4
        ("ram", 1, 0, "0 of 4 images fit"),
        ("auto", 16, 4, "4 of 4 images fit"),  # a quarter
        ("auto", 15, 0, "none, since 4 images would take 0.0 MB of 0.1 MB free memory; --cache ram"),
    ],
)
def test_memory_is_taken_only_where_it_is_free(
    index: Index,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: CacheKind,
    free_tiles: int,
    count: int,
    said: str,
) -> None:
    monkeypatch.setattr(cache_module, "free_shared_memory", lambda: free_tiles * TILE_BYTES)
    with caplog.at_level(logging.INFO):
        cache = build_cache(kind, index, 64)
    assert cache is None or isinstance(cache, RamCache)
    assert kept(cache) == count
    assert said in caplog.text


def test_none_is_none(index: Index) -> None:
    assert build_cache("none", index, 64) is None
    assert build_cache("ram", Index.from_records([], []), 64) is None


def test_disk_keeps_for_later_runs(index: Index, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        first = build_cache("disk", index, 64)
    assert isinstance(first, DiskCache)
    assert kept(first) == 4
    assert f"free in {folder}" in caplog.text
    again = build_cache("disk", index, 64)
    assert isinstance(again, DiskCache)
    assert again.get(3) is not None
    (file,) = folder.iterdir()
    assert file.stat().st_size == 4 * (16 + TILE_BYTES)


def test_disk_is_bounded_by_what_is_free(index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 3 * (TILE_BYTES + 100)  # 0.9 of it: 2 tiles and their marks

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage)
    cache = build_cache("disk", index, 64)
    assert isinstance(cache, DiskCache)
    assert kept(cache) == 2
    monkeypatch.undo()


def test_a_folder_that_cannot_be_made_is_said(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(
        SettingsError, match=r"--cache disk: .* cannot be made \(.*Not a directory.*\); use ram or none"
    ):
        build_cache("disk", index, 64)
