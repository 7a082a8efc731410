from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from yolo.errors import StorageError
from yolo.remote.fetch import fetch_folder
from yolo.remote.fsspec_store import FsspecStore
from yolo.remote.moxing_store import MoxingStore
from yolo.remote.open_store import host_of, open_store
from yolo.remote.upload import Uploader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "from"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_bytes(bytes(range(50)))
    (folder / "deep" / "b").write_text("b")
    return folder


def round_trip(folder: Path, url: str, into: Path) -> None:
    assert Uploader(folder, url).finish()
    store = open_store(url)
    assert list(store.list_files(url)) == ["a", "deep/b"]
    assert store.list_files(f"{url}/none") == {}
    assert store.read(f"{url}/a", 10, 20) == bytes(range(10, 20))
    assert store.stat(f"{url}/deep") is None
    fetch_folder(url, into)
    assert (into / "a").read_bytes() == bytes(range(50))
    assert (into / "deep" / "b").read_text() == "b"


def test_other_schemes_of_fsspec(folder: Path, tmp_path: Path) -> None:
    round_trip(folder, "memory://bucket/run", tmp_path / "into")


def test_obs_through_s3(bucket: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    monkeypatch.delenv("S3_ENDPOINT", raising=False)
    with pytest.raises(StorageError, match=r"obs:// needs the environment variable OBS_ENDPOINT, such as"):
        open_store("obs://yolo-tests/run")
    monkeypatch.setenv("OBS_ENDPOINT", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("OBS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("OBS_SECRET_ACCESS_KEY", "secret")
    assert host_of("obs").startswith("127.0.0.1_")
    round_trip(folder, bucket.replace("s3://", "obs://") + "/run", tmp_path / "into")


class FakeMoxingFile:
    """The functions of `moxing.file` that are used, as documented, on a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, url: str) -> Path:
        assert url.startswith("obs://")
        return self.root / url.removeprefix("obs://")

    def exists(self, url: str) -> bool:
        return self.path(url).exists()

    def is_directory(self, url: str) -> bool:
        return self.path(url).is_dir()

    def list_directory(self, url: str, recursive: bool = False) -> list[str]:
        assert recursive
        root = self.path(url)
        return [p.relative_to(root).as_posix() + ("/" if p.is_dir() else "") for p in root.rglob("*")]

    def stat(self, url: str) -> Any:
        stat = self.path(url).stat()
        return types.SimpleNamespace(length=stat.st_size, mtime_nsec=stat.st_mtime_ns)

    def copy(self, source: str, target: str) -> None:
        self.path(target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, self.path(target))

    def File(self, url: str, mode: str) -> Any:
        return self.path(url).open(mode)


@pytest.fixture
def moxing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "obs"
    module = types.ModuleType("moxing")
    module.file = FakeMoxingFile(root)  # type: ignore[attr-defined]
    module.__spec__ = importlib.util.spec_from_loader("moxing", None)
    monkeypatch.setitem(sys.modules, "moxing", module)
    return root


def test_obs_through_moxing_if_installed(moxing: Path, folder: Path, tmp_path: Path) -> None:
    assert isinstance(open_store("obs://b/run"), MoxingStore)
    round_trip(folder, "obs://b/run", tmp_path / "into")
    assert (moxing / "b" / "run" / "deep" / "b").read_text() == "b"


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    for url, package, extra in (("s3://b", "s3fs", "s3"), ("gs://b", "gcsfs", "gcs")):
        remedy = rf"run: pip install 'darknet-yolo-torch\[{extra}\]'"
        message = rf"{url[:5]} needs the package {package}, which is not installed; {remedy}"
        with pytest.raises(StorageError, match=message):
            open_store(url)
    with pytest.raises(StorageError, match=r"nowhere://b: 'nowhere://' cannot be used: .*; use s3://"):
        open_store("nowhere://b")


def test_each_server_has_its_own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(variable, raising=False)
    assert host_of("s3") == ""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://minio.example:9000/")
    assert host_of("s3") == "minio.example_9000"
    assert isinstance(open_store("s3://b"), FsspecStore)
