from __future__ import annotations

import os
from pathlib import Path

import pytest

from yolo.errors import StorageError
from yolo.remote.runs import fetch_run, local_project, name_of, newest_run, run_of
from yolo.remote.upload import Uploader


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "written"
    folder.mkdir()
    (folder / "settings.yaml").write_text("epochs: 1")
    (folder / "last.pt").write_text("first")
    return folder


def test_a_project_has_one_folder_here() -> None:
    assert local_project("s3://bucket/a/b/") == Path("runs/s3/bucket/a/b")
    assert local_project("runs/mine") == Path("runs/mine")
    assert run_of("s3://bucket/a/run/last.pt") == "s3://bucket/a/run"
    assert run_of("s3://bucket/a/run/") == "s3://bucket/a/run"
    assert name_of(Path("runs/s3/bucket/a/run"), "s3://bucket/a") == "s3://bucket/a/run"
    assert name_of(Path("runs/run"), "runs") == "runs/run"


def test_the_newest_run(bucket: str, here: Path) -> None:
    with pytest.raises(StorageError, match=r"--resume: no run in --project s3://yolo-tests/runs; give the URL"):
        newest_run(f"{bucket}/runs", "settings.yaml")
    for name in ("b", "a"):
        assert Uploader(here, f"{bucket}/runs/{name}").finish()
    (here / "last.pt").write_text("second")
    os.utime(here / "last.pt", (1, 1))  # the time in the store counts
    assert newest_run(f"{bucket}/runs/", "settings.yaml") in (f"{bucket}/runs/a", f"{bucket}/runs/b")  # a second has 1
    (here / "settings.yaml").unlink()
    assert Uploader(here, f"{bucket}/runs/no-run").finish()
    assert "no-run" not in newest_run(f"{bucket}/runs", "settings.yaml")


def test_a_run_comes_back_unless_what_is_here_is_later(bucket: str, here: Path) -> None:
    url = f"{bucket}/runs/x"
    assert Uploader(here, url).finish()
    folder = fetch_run(url)
    assert folder == Path("runs/s3/yolo-tests/runs/x")
    assert (folder / "last.pt").read_text() == "first"
    (here / "last.pt").write_text("another machine went on")
    assert Uploader(here, url).finish()
    os.utime(folder / "last.pt", (1, 1))
    assert (fetch_run(url) / "last.pt").read_text() == "another machine went on"
    (folder / "last.pt").write_text("and this one, whose upload failed")
    os.utime(folder / "last.pt", (2e9, 2e9))
    message = (
        r"--resume s3://yolo-tests/runs/x: runs/s3/.*/x holds a later last\.pt, which was never uploaded; go on with"
    )
    with pytest.raises(StorageError, match=message):
        fetch_run(url)
    assert (folder / "last.pt").read_text() == "and this one, whose upload failed"
