"""The programs, run as a user runs them; in the process of the test where another one is not the point."""

from __future__ import annotations

import csv
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import yaml

from tests.programs import call
from yolo.checkpoints.checkpoint_file import load_checkpoint
from yolo.data.decode import read_image

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., str]

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
SMALL = ["--cfg", "shapes", "--data", "small.data", "--img-size", "64", "--workers", "0", "--cache", "none"]


def command(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"yolo.{program}", *arguments]


def results(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "runs" / name / "results.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demonstration ran for two epochs, with a data set of a tenth of its training images."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = ["--epochs", "2", "--workers", "0", "--name", "demo"]
    done = subprocess.run(
        command("train", *arguments), cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "mAP50" in done.stdout
    assert "results in runs/demo" in done.stderr
    assert "\nverdict: " in done.stderr
    shapes = folder / "datasets" / "shapes"
    images = (shapes / "shapes-train.txt").read_text().splitlines(keepends=True)
    (shapes / "small.txt").write_text("".join(images[::10]))
    described = (shapes / "shapes.data").read_text().replace("shapes-train.txt", "small.txt")
    (folder / "small.data").write_text(described.replace("= s", f"= {shapes}/s"))
    return folder


@pytest.fixture
def trained(demonstration: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(demonstration)
    return demonstration


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Run:
    """Return the function that runs a program in this process and returns its log."""
    caplog.set_level("INFO")

    def run_here(program: str, *arguments: object) -> str:
        caplog.clear()
        module = importlib.import_module(f"yolo.{'data.__main__' if program == 'data' else program}")
        assert call(monkeypatch, module.main, *arguments) == 0, caplog.text
        return caplog.text

    return run_here


def test_what_a_run_leaves(trained: Path) -> None:
    names = {path.name.split(".out.")[0] for path in (trained / "runs" / "demo").iterdir()}
    expected = "settings.yaml model.cfg results.csv results.png last.pt best.pt best.weights train_batch0.jpg"
    assert names == {*expected.split(), "train_batch1.jpg", "val_predictions.jpg", "pr_curve.png", "events"}
    rows = results(trained, "demo")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["train/box"]) < 0.9 * float(rows[0]["train/box"])
    assert float(rows[1]["val/box"]) < 0.9 * float(rows[0]["val/box"])
    losses = [f"{split}/{term}" for split in ("train", "val") for term in ("box", "objectness", "class")]
    assert list(rows[0])[2:8] == losses
    settings = yaml.safe_load((trained / "runs" / "demo" / "settings.yaml").read_text())
    assert (settings["epochs"], settings["optimizer"]) == (2, "muon")


def test_a_terminated_run_is_resumed(trained: Path, run: Run) -> None:
    arguments = ["--data", "shapes", "--cfg", "shapes", "--epochs", "1", "--workers", "2", "--img-size", "64"]
    stopped = command("train", *arguments, "--batch-size", "4", "--name", "stopped")
    with subprocess.Popen(
        stopped, cwd=trained, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        log = ""
        while "epoch 1/1" not in log:  # the bar of the first epoch: training has begun
            log += process.stderr.read(1)
        os.killpg(process.pid, signal.SIGTERM)  # to the workers too, as clusters and containers do
        log += process.stderr.read()
    assert process.returncode == 0, log
    assert "Traceback" not in log
    assert "go on with: python -m yolo.train --resume runs/stopped" in log
    assert "resumed in epoch 1 of 1" in run("train", "--resume", "runs/stopped")
    assert [row["epoch"] for row in results(trained, "stopped")] == ["1"]


def test_the_test_program_gives_the_trainers_number(trained: Path, run: Run) -> None:
    rows = results(trained, "demo")
    best = max(rows, key=lambda row: float(row["metrics/mAP50"]) + float(row["metrics/mAP50-95"]))
    scores = []
    for weights in (
        ["runs/demo/best.pt"],
        ["runs/demo/best.weights", "--cfg", "runs/demo/model.cfg", "--data", "shapes"],
    ):
        run("test", "--weights", *weights, "--workers", 0, "--json", "scores.json")
        scores.append(json.loads((trained / "scores.json").read_text()))
    assert scores[0] == scores[1]
    for name in ("metrics/mAP50", "metrics/mAP50-95", "metrics/precision", "metrics/recall"):
        assert float(best[name]) == pytest.approx(scores[0][name], rel=1e-5)


def test_rectangles_sizes_and_one_class_from_training_to_test(trained: Path, run: Run) -> None:
    flags = ["--rect", "--multi-scale", "--single-cls", "--batch-size", 8, "--img-size", 64, 96, 80]
    log = run("train", *SMALL, *flags, "--epochs", 1, "--name", "rect")
    assert "--rect: no mosaics" in log
    (row,) = results(trained, "rect")
    assert float(row["train/class"]) == 0
    assert row["AP50-95/object"] == row["metrics/mAP50-95"]
    metrics = load_checkpoint(trained / "runs" / "rect" / "best.pt")["metrics"]
    arguments = ["--weights", "runs/rect/best.pt", "--data", "small.data", "--workers", 0]
    run("test", *arguments, "--json", "scores.json")  # the run's size, shape and class are in the file
    scores = json.loads((trained / "scores.json").read_text())
    assert {name: scores[name] for name in metrics if name.startswith("metrics/")} == {
        name: value for name, value in metrics.items() if name.startswith("metrics/")
    }


def test_tiles_from_training_to_test(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Train and test on sheets of 3 x 2 drawn images, which are larger than the tiles."""
    monkeypatch.chdir(tmp_path)
    run("data", "check", "shapes")  # draws the images
    drawn = sorted((tmp_path / "datasets" / "shapes" / "images").glob("shapes_test_*"))
    (tmp_path / "own").mkdir()
    for number in range(6):
        write_sheet(drawn[6 * number : 6 * number + 6], tmp_path / "own" / f"{number}.png")
    (tmp_path / "train.txt").write_text("own/0.png\nown/1.png\nown/2.png\n")
    (tmp_path / "val.txt").write_text("own/3.png\nown/4.png\nown/5.png\n")
    (tmp_path / "own.names").write_text("circle\nsquare\ntriangle\nstar\ncross\nring\n")
    (tmp_path / "own.data").write_text("classes = 6\ntrain = train.txt\nvalid = val.txt\nnames = own.names\n")
    settings = "--cfg shapes --data own.data --epochs 1 --workers 0 --img-size 96 --tile --tile-size 160 --name tiles"
    train = command("train", *settings.split(), "--batch-size", "8", "--image-weights", "--nproc", "2")
    done = subprocess.run(train, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--tile: 3 training images make" in done.stderr
    metrics = load_checkpoint(tmp_path / "runs" / "tiles" / "best.pt")["metrics"]
    test = ["--weights", "runs/tiles/best.pt", "--data", "own.data", "--workers", "1", "--json", "scores.json"]
    capsys.readouterr()
    run("test", *test)  # the tiles are in the file
    assert "over 3 images" in capsys.readouterr().out
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert {name: scores[name] for name in metrics if name.startswith("metrics/")} == {
        name: value for name, value in metrics.items() if name.startswith("metrics/")
    }


def write_sheet(images: Sequence[Path], sheet: Path) -> None:
    """Write an image of six in three columns, and its labels."""
    pixels = [cv2.resize(read_image(path), (224, 192)) for path in images]
    rows = []
    for number, path in enumerate(images):
        for line in (path.parents[1] / "labels" / f"{path.stem}.txt").read_text().splitlines():
            class_id, x, y, w, h = map(float, line.split())
            x, y = (number % 3 + x) / 3, (number // 3 + y) / 2
            rows.append(f"{class_id:.0f} {x:.6f} {y:.6f} {w / 3:.6f} {h / 2:.6f}\n")
    cv2.imwrite(str(sheet), np.vstack([np.hstack(pixels[:3]), np.hstack(pixels[3:])]))
    sheet.with_suffix(".txt").write_text("".join(rows))


def test_weighted_images_and_the_last_epoch_without_mosaics(trained: Path, run: Run) -> None:
    run("train", *SMALL, "--epochs", 2, "--image-weights", "--close-mosaic", 1, "--name", "weighted")
    assert len(results(trained, "weighted")) == 2


def test_two_processes_search_together(trained: Path, run: Run) -> None:
    small = [*SMALL, "--epochs", "1", "--batch-size", "16", "--name", "search"]
    searching = command("train", *small, "--adam", "--lr0", "0.006", "--evolve")
    processes = [
        subprocess.Popen([*searching, count], cwd=trained, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        for count in "12"
    ]
    logs = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], logs
    folder = trained / "runs" / "evolve" / "search"
    with (folder / "evolve.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert sorted(line["run"] for line in lines) == ["0001", "0002", "0003"]
    assert sorted(line["seed"] for line in lines) == ["0", "1", "2"]
    best = max(lines, key=lambda line: float(line["fitness"]))
    assert [path.parent.name for path in folder.rglob("*.pt")] == [best["run"]]
    evolved = yaml.safe_load((folder / "hyp_evolved.yaml").read_text())
    assert evolved == {name: float(best[name]) for name in evolved}
    log = run("train", *small, "--hyp", folder / "hyp_evolved.yaml", "--notest", "--nosave")
    assert "verdict: " not in log
    assert yaml.safe_load((trained / "runs" / "search" / "settings.yaml").read_text())["giou"] == evolved["giou"]


def test_detect_draws_and_writes_json(trained: Path, run: Run) -> None:
    images = sorted((trained / "datasets" / "shapes" / "images").glob("shapes_test_*"))[:3]
    run("detect", *images, "--weights", "runs/demo/best.pt", "--conf-thres", 0.01)
    found_in = json.loads((trained / "runs" / "detect" / "detections.json").read_text())
    assert [result["image"] for result in found_in] == [str(path) for path in images]
    found = [detection for result in found_in for detection in result["detections"]]
    assert found
    assert {detection["class"] for detection in found} <= {"circle", "square", "triangle", "star", "cross", "ring"}
    for result, path in zip(found_in, images, strict=True):
        for drawn in (trained / "runs" / "detect" / path.name, path):
            image = cv2.imread(str(drawn))
            assert image is not None
            assert image.shape == (result["height"], result["width"], 3)
        for detection in result["detections"]:
            left, top, right, bottom = detection["xyxy"]
            assert 0 <= left < right <= result["width"]
            assert 0 <= top < bottom <= result["height"]


def test_fine_tuning_on_a_converted_voc_copy(trained: Path, run: Run) -> None:
    run("data", "convert", "--data", "small.data", "--out", "voc", "--format", "voc")
    settings = ["--data", "voc", "--cfg", "shapes", "--epochs", 1, "--workers", 0, "--name", "tuned"]
    log = run("train", *settings, "--weights", "runs/demo/best.weights", "--lr0", "1e-6")
    assert "tensors loaded" in log
    first = results(trained, "demo")[-1]
    (tuned,) = results(trained, "tuned")
    assert float(tuned["metrics/mAP50"]) > 0.5 * float(first["metrics/mAP50"])


MISTAKES = [
    (["train", "--cfg", "none.cfg"], "none.cfg: no such cfg file"),
    (["train", "--data", "nowhere"], "--data nowhere: no such data set"),
    (["train", "--stream"], "--stream with --data shapes: use it with a URL"),
    (["train", "--device", "banana"], "--device banana: not usable here"),
    (["train", "--rect", "--tile"], "--tile True: use one of --tile and --rect: tiles are square"),
    (["train", "--tile-size", "320"], "--tile-size 320: use it with --tile"),
    (["test", "--weights", "none.pt", "--tile", "--augment"], "--tile does not work with --augment"),
    (["train", "--rect", "--image-weights"], "--image-weights with --rect: use one of the two"),
    (
        ["train", "--rect", "--img-size", "100"],
        "--img-size 100: with --rect or --multi-scale it must be a multiple",
    ),
    (["test", "--weights", "none.pt", "--rect", "--fit", "stretch"], "--rect does not work with --fit stretch"),
    (["test", "--weights", "none.pt"], "--weights none.pt: no such file"),
    (["detect", "none.jpg", "--weights", "none.pt"], "none.jpg: no such file or folder"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_mistakes_are_one_line_and_status_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    program, *flags = arguments
    assert call(monkeypatch, importlib.import_module(f"yolo.{program}").main, *flags) == 2
    check_mistake(tmp_path, *capsys.readouterr(), message)


def test_a_mistake_ends_the_process_with_status_2(tmp_path: Path) -> None:
    (program, *flags), message = MISTAKES[0]
    done = subprocess.run(
        command(program, *flags), cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    check_mistake(tmp_path, done.stdout, done.stderr, message)


def check_mistake(folder: Path, stdout: str, stderr: str, message: str) -> None:
    assert stdout == ""
    (line,) = stderr.splitlines()
    assert line.startswith(f"error: {message}")
    assert list(folder.iterdir()) == []
