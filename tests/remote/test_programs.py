"""Training from a store into a store over an unreliable network, as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest
import yaml

from tests.programs import call
from yolo import train
from yolo.checkpoints.checkpoint_file import load_checkpoint
from yolo.data.drawn_shapes import scene_rng
from yolo.data.labels import format_yolo
from yolo.data.shape_scenes import NAMES, draw_scene
from yolo.remote.open_store import open_store
from yolo.remote.upload import Uploader

if TYPE_CHECKING:
    from tests.remote.faulty import Faults

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SMALL = ["--cfg", "shapes", "--img-size", "64", "--batch-size", "4", "--workers", "1", "--preview-period", "0"]


def stored_files(url: str) -> dict[str, bytes]:
    store = open_store(url)
    return {name: store.read(found.url, 0, found.size) for name, found in store.list_files(url).items()}


def local_files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "yolo.train", *SMALL, *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=-1, stderr=-1, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log
    return log


@pytest.fixture
def data(bucket: str, tmp_path: Path) -> str:
    """Upload a drawn data set of twelve images, and return its URL."""
    folder = tmp_path / "drawn"
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for split, count in (("train", 8), ("val", 4)):
        lines = []
        for number in range(count):
            scene = draw_scene(scene_rng(split, number))
            stem, size_wh = f"{split}{number}", (scene.image.shape[1], scene.image.shape[0])
            cv2.imwrite(str(folder / "images" / f"{stem}.png"), scene.image)
            rows = format_yolo(scene.boxes_xyxy, scene.class_ids, size_wh)
            (folder / "labels" / f"{stem}.txt").write_text(rows)
            lines.append(f"images/{stem}.png\n")
        (folder / f"{split}.txt").write_text("".join(lines))
    (folder / "data.yaml").write_text(yaml.safe_dump({"train": "train.txt", "val": "val.txt", "names": list(NAMES)}))
    assert Uploader(folder, f"{bucket}/sets/drawn").finish()
    return f"{bucket}/sets/drawn/data.yaml"


def test_two_ranks_with_data_and_results_in_a_store(data: str, bucket: str, faults: Faults, tmp_path: Path) -> None:
    faults.busy, faults.cut_reads, faults.cut_writes = 7, 5, 4
    log = finish(start(tmp_path, "--data", data, "--project", f"{bucket}/runs", "--epochs", "1", "--nproc", "2"))
    assert faults.counts["failed"] > 10
    faults.reset()
    (cache,) = (tmp_path / "cache/yolo/remote").glob("*/yolo-tests/sets/drawn")
    assert local_files(cache) == local_files(tmp_path / "drawn")
    files = stored_files(f"{bucket}/runs/train")
    assert {"settings.yaml", "model.cfg", "results.csv", "last.pt", "best.pt", "best.weights"} < files.keys()
    assert files == local_files(tmp_path / "runs/s3/yolo-tests/runs/train")
    assert f"results in runs/s3/yolo-tests/runs/train, and in {bucket}/runs/train" in log
    assert not (tmp_path / "runs/s3/yolo-tests/runs/train/.upload").exists()


def test_a_terminated_streamed_run_is_resumed_on_another_machine(
    data: str,
    bucket: str,
    faults: Faults,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults.busy = 11
    arguments = ["--data", data, "--stream", "--cache", "none", "--project", f"{bucket}/runs", "--epochs", "60"]
    process = start(tmp_path, *arguments, "--name", "run")
    log = ""
    assert process.stderr is not None
    while "epoch 2/60" not in log:
        log += process.stderr.read(1)
        assert process.poll() is None, log
    process.send_signal(signal.SIGTERM)
    log += finish(process)
    assert f"go on with: python -m yolo.train --resume {bucket}/runs/run" in log
    faults.reset()
    stored = local_files(tmp_path / "cache/yolo/stream")
    assert {Path(name).suffix for name, content in stored.items() if content} == {".txt", ".yaml"}
    assert sum(name.endswith(".png") and not content for name, content in stored.items()) == 12
    files = stored_files(f"{bucket}/runs/run")
    assert files == local_files(tmp_path / "runs/s3/yolo-tests/runs/run")
    (tmp_path / "last.pt").write_bytes(files["last.pt"])
    epoch = load_checkpoint(tmp_path / "last.pt")["state"]["epoch"]
    assert 1 <= epoch < 60

    elsewhere = tmp_path / "elsewhere"  # another machine, without any file of the run
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    caplog.set_level("INFO")
    assert call(monkeypatch, train.main, *SMALL, "--resume", f"{bucket}/runs/run", "--epochs", epoch + 1) == 0
    assert f"resumed in epoch {epoch + 1} of {epoch + 1}" in caplog.text
    files = stored_files(f"{bucket}/runs/run")
    assert files == local_files(elsewhere / "runs/s3/yolo-tests/runs/run")
    assert len(files["results.csv"].splitlines()) == epoch + 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "s3://yolo-tests/none/data.yaml"], "s3://yolo-tests/none/data.yaml: no such file or folder"),
        (["--data", "shapes", "--stream"], "--stream with --data shapes: use it with a URL"),
        (["--data", "nowhere://a/b"], "nowhere://a/b: 'nowhere://' cannot be used"),
        (["--cfg", "s3://yolo-tests/nets/none.cfg"], "s3://yolo-tests/nets/none.cfg: no such file"),
        (["--hyp", "s3://yolo-tests"], "s3://yolo-tests: names a whole bucket"),
        (["--resume", "s3://yolo-tests/runs/none"], "s3://yolo-tests/runs/none: no such file or folder"),
        (["--resume", "--project", "s3://yolo-tests/runs"], "--resume: no run in --project s3://yolo-tests/runs"),
        (["--evolve", "1", "--project", "s3://b"], "--project s3://b: use a folder with --evolve"),
    ],
)
def test_errors_are_one_line_and_status_2(
    bucket: str,
    tmp_path: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bucket == "s3://yolo-tests"
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, train.main, *arguments) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert (out, line[: len(message) + 7]) == ("", f"error: {message}")
    assert not (tmp_path / "runs").exists()
