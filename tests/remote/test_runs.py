from __future__ import annotations

import os
from pathlib import Path

import pytest

from yolo.errors import StorageError
from yolo.remote.runs import fetch_run, local_project, new_run_folder, newest_run, resume_argument, run_url
from yolo.remote.upload import Uploader


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "written"
    folder.mkdir()
    (folder / "settings.yaml").write_text("epochs: 1")
    (folder / "last.pt").write_text("first")
    return folder


def test_folders_and_urls_of_runs() -> None:
    assert local_project("s3://bucket/a/b/") == Path("runs/s3/bucket/a/b")
    assert local_project("runs/mine") == Path("runs/mine")
    assert run_url("s3://bucket/a/run/last.pt") == "s3://bucket/a/run"
    assert run_url("s3://bucket/a/run/") == "s3://bucket/a/run"
    assert resume_argument(Path("runs/s3/bucket/a/run"), "s3://bucket/a") == "s3://bucket/a/run"
    assert resume_argument(Path("runs/run"), "runs") == "runs/run"


def test_newest_run(bucket: str, here: Path) -> None:
    with pytest.raises(StorageError, match=r"--resume: no run in --project s3://yolo-tests/runs; give the URL"):
        newest_run(f"{bucket}/runs", "settings.yaml")
    for name in ("b", "a"):
        assert Uploader(here, f"{bucket}/runs/{name}").finish()
    (here / "last.pt").write_text("second")
    os.utime(here / "last.pt", (1, 1))  # the time in the store counts
    assert newest_run(f"{bucket}/runs/", "settings.yaml") in (
        f"{bucket}/runs/a",
        f"{bucket}/runs/b",
    )  # times are in whole seconds
    (here / "settings.yaml").unlink()
    assert Uploader(here, f"{bucket}/runs/no-run").finish()
    assert "no-run" not in newest_run(f"{bucket}/runs", "settings.yaml")


def test_the_last_file_of_a_run_counts(tmp_path: Path) -> None:
    times = {"a/settings.yaml": 1, "a/last.pt": 5, "b/settings.yaml": 2, "b/last.pt": 4, "c/last.pt": 9}
    for name, time in times.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (time, time))
    assert newest_run(str(tmp_path), "settings.yaml") == str(tmp_path / "a")  # c has no settings


def test_a_run_is_fetched_unless_the_local_one_is_newer(bucket: str, here: Path) -> None:
    url = f"{bucket}/runs/x"
    assert Uploader(here, url).finish()
    folder = fetch_run(url)
    assert folder == Path("runs/s3/yolo-tests/runs/x")
    assert (folder / "last.pt").read_text() == "first"
    (here / "last.pt").write_text("continued on another machine")
    assert Uploader(here, url).finish()
    os.utime(folder / "last.pt", (1, 1))
    assert (fetch_run(url) / "last.pt").read_text() == "continued on another machine"
    (folder / "last.pt").write_text("continued here, but not uploaded")
    os.utime(folder / "last.pt", (2e9, 2e9))
    message = (
        r"--resume s3://yolo-tests/runs/x: runs/s3/.*/x has a newer last\.pt that was never uploaded; use --resume"
    )
    with pytest.raises(StorageError, match=message):
        fetch_run(url)
    assert (folder / "last.pt").read_text() == "continued here, but not uploaded"


def test_new_run_folders_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()  # empty, so it can be used
    names = [new_run_folder(str(tmp_path), "run", lambda folder: (folder / "a").touch()).name for _ in range(3)]
    assert names == ["run", "run-2", "run-3"]
