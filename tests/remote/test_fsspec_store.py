from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from yolo.remote.open_store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.remote.faulty import Faults


def test_put_list_stat_and_read(bucket: str, tmp_path: Path) -> None:
    store = open_store(bucket)
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(200)))
    before = time.time()
    store.put(path, f"{bucket}/folder/a.bin")
    store.put(path, f"{bucket}/folder/deep/b c.bin")
    store.put(path, f"{bucket}/folder2/c.bin")
    files = store.list_files(f"{bucket}/folder")
    assert list(files) == ["a.bin", "deep/b c.bin"]
    found = files["a.bin"]
    assert found == store.stat(f"{bucket}/folder/a.bin")
    assert (found.size, found.md5) == (200, hashlib.md5(path.read_bytes()).hexdigest())
    assert abs(found.modified - before) < 10
    assert store.read(f"{bucket}/folder/a.bin", 10, 20) == bytes(range(10, 20))
    assert store.read(f"{bucket}/folder/a.bin", 190) == bytes(range(190, 200))
    assert store.stat(f"{bucket}/folder") is None
    assert store.stat(f"{bucket}/none") is None
    assert store.list_files(f"{bucket}/none") == {}
    assert store.has_copy(path, f"{bucket}/folder/a.bin")
    path.write_bytes(bytes(200))
    assert not store.has_copy(path, f"{bucket}/folder/a.bin")


def test_failed_requests_are_retried(bucket: str, faults: Faults, tmp_path: Path) -> None:
    faults.busy, faults.cut_reads, faults.cut_writes = 3, 2, 2
    store = open_store(bucket)
    for number in range(6):
        path = tmp_path / f"{number}"
        path.write_bytes(bytes([number]) * 10_000)
        store.put(path, f"{bucket}/{number}")
    assert [store.read(f"{bucket}/{n}", 0, 10_000) for n in range(6)] == [bytes([n]) * 10_000 for n in range(6)]
    assert faults.counts["failed"] > 8
