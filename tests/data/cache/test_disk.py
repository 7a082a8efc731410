import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.data.painting import index_of, paint
from yolo.data.cache.disk import DiskCache, bytes_before_pixels, cache_name, file_stamps, reserve
from yolo.data.cache.slots import Slots
from yolo.data.index import Index

TILE = np.arange(64 * 48 * 3, dtype=np.uint8).reshape(48, 64, 3)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return index_of(tmp_path, [paint((80, 60), [(5, 5, 10 + n, 30)]) for n in range(3)])


def opened(index: Index, path: Path) -> DiskCache:
    slots = Slots(index.sizes, 64)
    if not path.exists():
        reserve(path, bytes_before_pixels(3) + slots.num_bytes)
    return DiskCache(slots, 3, path, file_stamps(index))


def same(found: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None) -> bool:
    return found is not None and np.array_equal(found, TILE)


def test_later_runs_find_what_earlier_ones_put(index: Index, tmp_path: Path) -> None:
    first = opened(index, tmp_path / "c")
    assert first.get(1) is None
    first.put(1, TILE)
    assert same(first.get(1))
    second = opened(index, tmp_path / "c")
    assert same(second.get(1))
    assert second.get(0) is None


@pytest.mark.parametrize("change", ["pixels", "time only"])
def test_a_replaced_image_is_not_served(index: Index, tmp_path: Path, change: str) -> None:
    opened(index, tmp_path / "c").put(0, TILE)
    path = index.path(0)
    before = path.stat()
    if change == "pixels":  # of the same size, under the old time
        content = bytearray(path.read_bytes())
        content[-20] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        path.touch()
    again = opened(index, tmp_path / "c")
    assert again.get(0) is None
    again.put(0, TILE)
    assert same(again.get(0))


def test_pixels_that_were_not_written_whole_are_not_served(index: Index, tmp_path: Path) -> None:
    opened(index, tmp_path / "c").put(2, TILE)
    content = bytearray((tmp_path / "c").read_bytes())
    content[-100] ^= 1  # in the last slot
    (tmp_path / "c").write_bytes(content)
    assert opened(index, tmp_path / "c").get(2) is None


def test_a_copy_in_a_spawned_worker_shares_the_file(index: Index, tmp_path: Path) -> None:
    cache = opened(index, tmp_path / "c")
    data = pickle.dumps(cache)
    assert len(data) < 20_000
    pickle.loads(data).put(0, TILE)  # noqa: S301 (what spawning does)
    assert same(cache.get(0))


def test_the_name_tells_sizes_and_images_apart(index: Index, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = index_of(tmp_path / "other", [paint((80, 60), [])] * 3)
    names = {cache_name(index, 64), cache_name(index, 65), cache_name(other, 64)}
    assert len(names) == 3
    assert cache_name(index, 64) in names


def test_missing_files_have_no_stamp_that_fits(index: Index, tmp_path: Path) -> None:
    before = file_stamps(index)
    assert (before > 0).all()
    assert len(set(before.tolist())) == 3
    index.path(1).unlink()
    cv2.imwrite(str(index.path(2)), np.zeros((60, 80, 3), np.uint8))
    after = file_stamps(index)
    assert (before == after).tolist() == [True, False, False]
