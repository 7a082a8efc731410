"""A resume that fails leaves the folder of the run as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import yolo.train
from tests.data.formats.images import put_text
from tests.programs import call
from yolo.checkpoints.checkpoint_file import load_checkpoint
from yolo.visualization.drawing import write_image

FLAGS = (
    *("--cfg", "shapes", "--img-size", "32", "--batch-size", "2", "--workers", "0", "--cache", "none"),
    *("--device", "cpu", "--preview-period", "0"),
)


def put_data(folder: Path, names: str) -> Path:
    """Write two splits of two images with one object each."""
    for split in ("train", "val"):
        for number in range(2):
            write_image(folder / split / "images" / f"{number}.png", np.full((32, 32, 3), 60 * number, np.uint8))
            put_text(folder / split / "labels" / f"{number}.txt", "0 0.5 0.5 0.5 0.5\n")
    return put_text(folder / "data.yaml", f"path: .\ntrain: train/images\nval: val/images\nnames: {names}\n")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of one epoch."""
    folder = tmp_path_factory.mktemp("finished")
    data = put_data(folder / "data", "[a, b]")
    with pytest.MonkeyPatch.context() as monkeypatch:
        flags = ["--data", data, *FLAGS, "--epochs", 1, "--project", folder / "runs", "--name", "a"]
        assert call(monkeypatch, yolo.train.main, *flags) == 0
    return folder / "runs" / "a"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(finished, tmp_path / "a")
    return tmp_path / "a"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def change_last(run: Path, change: Callable[[dict[str, Any]], None]) -> None:
    state = load_checkpoint(run / "last.pt")
    change(state)
    torch.save(state, run / "last.pt")


def other_classes(run: Path) -> list[object]:
    return ["--data", put_data(run.parent / "other", "[a, b, c]")]


def other_names(run: Path) -> list[object]:
    return ["--data", put_data(run.parent / "other", "[b, a]")]


def damaged(run: Path) -> list[object]:
    (run / "last.pt").write_bytes((run / "last.pt").read_bytes()[:20_000])
    return []


def best_as_last(run: Path) -> list[object]:
    shutil.copy(run / "best.pt", run / "last.pt")
    return []


def other_network(run: Path) -> list[object]:
    change_last(run, lambda state: state["model"].popitem())
    return []


def other_optimizer(run: Path) -> list[object]:
    change_last(run, lambda state: state["optimizer"]["param_groups"][0].update(rho=0.9))
    return []


def damaged_position(run: Path) -> list[object]:
    change_last(run, lambda state: state["state"].update(epoch="two"))
    return []


def no_such_data(run: Path) -> list[object]:
    return ["--data", run / "nowhere.yaml"]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (other_classes, "its classes are a, b, and those of the data set are a, b, c; start a new run with --weights"),
        (other_names, "its classes are a, b, and those of the data set are b, a; start a new run with --weights"),
        (damaged, "last.pt: not a checkpoint that can be read"),
        (best_as_last, "last.pt: not the state of a run, as it has no 'ema'"),
        (other_network, "last.pt: does not fit the model.cfg and settings.yaml beside it, or is damaged"),
        (
            other_optimizer,
            "last.pt: does not fit the model.cfg and settings.yaml beside it, or is damaged (it has",
        ),
        (damaged_position, "last.pt: does not fit the model.cfg and settings.yaml beside it, or is damaged"),
        (no_such_data, "nowhere.yaml"),
    ],
)
def test_a_resume_that_fails_writes_nothing(
    run: Path,
    prepare: Callable[[Path], list[object]],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = prepare(run)
    before = contents(run)
    assert call(monkeypatch, yolo.train.main, "--resume", run, "--epochs", 2, *arguments) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("error: "))
    assert message in line
    assert contents(run) == before


def test_a_run_goes_on_with_more_epochs_and_another_early_stop(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_last(run, lambda state: state.pop("early_stop"))
    network = (run / "model.cfg").read_bytes()
    assert call(monkeypatch, yolo.train.main, "--resume", run, "--epochs", 2, "--patience", 5) == 0
    assert load_checkpoint(run / "last.pt")["state"]["epoch"] == 2
    assert "epochs: 2" in (run / "settings.yaml").read_text()
    assert (run / "model.cfg").read_bytes() == network
