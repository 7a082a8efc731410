from __future__ import annotations

import argparse
import hashlib
import multiprocessing
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pytest

from yolo.errors import StorageError
from yolo.remote import file_copier
from yolo.remote.fetch import fetch_file, fetch_folder, local_path
from yolo.remote.fsspec_store import FsspecStore
from yolo.remote.open_store import open_store
from yolo.remote.remote_cache import cache_path, cached_url
from yolo.remote.store import LocalStore, StoredFile

if TYPE_CHECKING:
    from tests.remote.faulty import Faults


def put(url: str, content: bytes, folder: Path) -> None:
    path = folder / "to-put"
    path.write_bytes(content)
    open_store(url).put(path, url)


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def count_reads(faults: Faults) -> Counter[str]:
    """Return how often each file was read."""
    return Counter(line.split("?")[0] for line in faults.log if line.startswith("GET") and "list-type" not in line)


def test_cache_paths_have_an_inverse(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_path("s3://b/c/d.txt", "stream").parent.parent.name == "b"
    assert cached_url(cache_path("s3://b/c/d.txt", "stream"), "stream") == "s3://b/c/d.txt"
    assert cached_url(cache_path("s3://b/c/d.txt", "stream"), "remote") == ""
    here = cache_path("s3://b/c", "remote")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://other:9000")
    there = cache_path("s3://b/c", "remote")
    assert there == tmp_path / "cache" / "yolo" / "remote" / "s3@other_9000" / "b" / "c"
    assert there != here  # a bucket of the same name on another server
    assert local_path("~/x").is_absolute()
    assert local_path("file:///x/y") == Path("/x/y")
    assert bucket


def test_only_new_and_changed_files_are_fetched_again(bucket: str, faults: Faults, tmp_path: Path) -> None:
    for name in ("a.txt", "deep/b.bin", "deep/c.txt", ".hidden"):
        put(f"{bucket}/set/{name}", name.encode() * 10, tmp_path)
    into = tmp_path / "into"
    into.mkdir()
    (into / "own").write_text("stays")
    fetch_folder(f"{bucket}/set", into)
    expected = {name: name.encode() * 10 for name in ("a.txt", "deep/b.bin", "deep/c.txt")} | {"own": b"stays"}
    assert contents(into) == expected
    faults.log.clear()
    fetch_folder(f"{bucket}/set", into)
    assert count_reads(faults) == {}
    put(f"{bucket}/set/a.txt", b"new", tmp_path)
    put(f"{bucket}/set/d.txt", b"more", tmp_path)
    (into / "deep" / "c.txt").write_text("damaged")
    faults.log.clear()
    fetch_folder(f"{bucket}/set", into)
    assert count_reads(faults) == dict.fromkeys(
        (f"GET /yolo-tests/set/{name}" for name in ("a.txt", "d.txt", "deep/c.txt")), 1
    )
    assert contents(into) == expected | {"a.txt": b"new", "d.txt": b"more"}


def test_files_removed_from_the_store_are_removed_from_the_cache(bucket: str, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put(f"{bucket}/set/{name}", name.encode(), tmp_path)
    into = tmp_path / "into"
    fetch_folder(f"{bucket}/set", into)
    (into / "c").write_text("changed here")
    for name in "bc":
        fsspec.filesystem("s3").rm_file(f"{bucket}/set/{name}")
    fetch_folder(f"{bucket}/set", into)
    assert contents(into) == {"a": b"a", "c": b"changed here"}
    fetch_folder(f"{bucket}/set", into)  # the removal is in the manifest
    assert contents(into) == {"a": b"a", "c": b"changed here"}


def test_an_interrupted_file_is_continued(
    bucket: str, faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_copier, "PART_BYTES", 1000)
    content = bytes(range(256)) * 20
    put(f"{bucket}/w/a.weights", content, tmp_path)
    read, parts = FsspecStore._read, []

    def killed(store: FsspecStore, url: str, start: int, end: int | None) -> bytes:
        parts.append(start)
        if len(parts) == 4:
            raise KeyboardInterrupt
        return read(store, url, start, end)

    monkeypatch.setattr(FsspecStore, "_read", killed)
    with pytest.raises(KeyboardInterrupt):
        fetch_file(f"{bucket}/w/a.weights")
    assert parts == [0, 1000, 2000, 3000]
    assert not cache_path(f"{bucket}/w/a.weights", "remote").exists()
    assert fetch_file(f"{bucket}/w/a.weights").read_bytes() == content
    assert parts[4:] == [3000, 4000, 5000]
    assert faults.log
    assert [p.name for p in cache_path(f"{bucket}/w", "remote").iterdir() if p.name != ".fetched"] == ["a.weights"]


def test_a_file_that_changes_meanwhile_is_fetched_in_its_last_version(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_copier, "PART_BYTES", 1000)
    url = f"{bucket}/a"
    put(url, b"a" * 2500, tmp_path)
    read, count = FsspecStore._read, 0

    def changing(store: FsspecStore, url: str, start: int, end: int | None) -> bytes:
        nonlocal count
        count += 1
        if count == 2:
            put(url, b"b" * 2500, tmp_path)
        if count == 6:
            put(url, b"c" * 1500, tmp_path)
        return read(store, url, start, end)

    monkeypatch.setattr(FsspecStore, "_read", changing)
    with pytest.raises(StorageError, match="names a whole bucket"):
        fetch_file(bucket)
    fetch_folder(f"{bucket}", tmp_path / "into")
    assert (tmp_path / "into" / "a").read_bytes() == b"c" * 1500


def test_an_etag_that_only_looks_like_an_md5(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for encrypted files: reading one file twice with the same result is proof, for all files of the fetch."""
    for name in "abcd":
        put(f"{bucket}/set/{name}", name.encode(), tmp_path)
    monkeypatch.setattr(file_copier, "NUM_THREADS", 1)
    monkeypatch.setattr(file_copier, "file_md5", lambda path: hashlib.sha256(path.read_bytes()).hexdigest()[:32])
    read, count = FsspecStore._read, 0

    def counting(store: FsspecStore, url: str, start: int, end: int | None) -> bytes:
        nonlocal count
        count += 1
        return read(store, url, start, end)

    monkeypatch.setattr(FsspecStore, "_read", counting)
    fetch_folder(f"{bucket}/set", tmp_path / "into")
    assert contents(tmp_path / "into") == {name: name.encode() for name in "abcd"}
    assert count == 5


class EvilStore(LocalStore):
    def _list_files(self, folder: str) -> dict[str, StoredFile]:
        return {"../../evil": StoredFile(url=f"{folder}/../../evil", size=1, tag="", modified=0)}


def test_a_name_outside_the_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolo.remote.fetch.open_store", lambda _: EvilStore())
    monkeypatch.setattr("yolo.remote.fetch._is_hidden", lambda _: False)
    for is_placeholder in (bool, "".startswith):  # a placeholder for each file, or the files themselves
        with pytest.raises(StorageError, match=r"the name '\.\./\.\./evil' in it is not a valid relative path"):
            fetch_folder("s3://b/set", tmp_path / "x" / "y" / "into", is_placeholder=is_placeholder)
    assert not (tmp_path / "x" / "evil").exists()


def test_missing_files_and_folders(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"s3://yolo-tests/none: no such file or folder"):
        fetch_folder(f"{bucket}/none", tmp_path / "into")
    with pytest.raises(StorageError, match=r"s3://yolo-tests/a/none\.cfg: no such file"):
        fetch_file(f"{bucket}/a/none.cfg")


def test_a_full_disk(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(f"{bucket}/set/a", b"abc", tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: argparse.Namespace(free=2))
    with pytest.raises(
        StorageError, match=r"not enough disk space in .*: 0\.0 GB are needed, 0\.0 GB are free; make room, or set"
    ):
        fetch_folder(f"{bucket}/set", tmp_path / "into")


def fetch(url: str, into: Path) -> None:
    fetch_folder(url, into)


def test_two_processes_share_a_cache_over_an_unreliable_network(bucket: str, faults: Faults, tmp_path: Path) -> None:
    expected = {f"{number}.bin": bytes([number]) * 5000 for number in range(8)}
    for name, content in expected.items():
        put(f"{bucket}/set/{name}", content, tmp_path)
    faults.busy, faults.cut_reads = 4, 5
    faults.log.clear()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=fetch, args=(f"{bucket}/set", tmp_path / "into")) for _ in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert contents(tmp_path / "into") == expected
    assert faults.counts["failed"] >= 3
    read = count_reads(faults)
    assert len(read) == 8
    assert sum(read.values()) <= 8 + faults.counts["failed"]  # only failed reads are repeated
