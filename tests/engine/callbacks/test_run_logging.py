"""Test the calls that loggers get, and the clock of a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from torch import nn

from tests.engine.test_trainer import trainer
from yolo.engine.callback import Callback
from yolo.engine.callbacks.clock import Clock
from yolo.engine.callbacks.run_logging import MAX_SIDE, RunLogging
from yolo.engine.trainer import Trainer
from yolo.errors import TrainingError

RED_BGR = (0, 0, 255)


class RecordingLogger:
    """A logger that records its calls."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def open(self, *, epoch: int, run_id: str) -> str:
        self.calls.append(("open", epoch, run_id))
        return run_id or "new"

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        self.calls.append(("settings", dict(settings)))

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        self.calls.append(("log", epoch, "grad_norm" in numbers))

    def log_image(self, name: str, image_rgb: npt.NDArray[np.uint8], epoch: int) -> None:
        self.calls.append((name, epoch, image_rgb.shape, tuple(image_rgb[0, 0])))

    def close(self, *, failed: bool) -> None:
        self.calls.append(("close", failed))


def draw(model: nn.Module) -> dict[str, npt.NDArray[np.uint8]]:
    assert not model.training  # the averaged model
    return {"curve": np.full((2 * MAX_SIDE, 100, 3), RED_BGR, np.uint8)}


def run_logging(folder: Path, recorder: RecordingLogger, period: int = 2) -> RunLogging:
    return RunLogging({"recorder": recorder}, settings={"epochs": 3}, folder=folder, draw=draw, period=period)


def test_calls_of_a_whole_run(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "train_batch0.jpg"), np.full((8, 8, 3), RED_BGR, np.uint8))
    recorder = RecordingLogger()
    callback = run_logging(tmp_path, recorder)
    trainer((4, 4), epochs=3, callbacks=(callback,)).train()
    image = recorder.calls.pop(2)
    assert image[:3] == ("train_batch0", 0, (8, 8, 3))
    assert image[3][0] > 250  # channels are RGB
    assert recorder.calls == [
        ("open", 0, ""),
        ("settings", {"epochs": 3}),
        ("log", 1, True),
        ("log", 2, True),
        ("curve", 2, (MAX_SIDE, 50, 3), (255, 0, 0)),
        ("log", 3, True),
        ("close", False),
    ]
    assert callback.state_dict() == {"run_ids": {"recorder": "new"}}


def test_a_resumed_run_keeps_its_id_and_logs_no_settings(tmp_path: Path) -> None:
    first = trainer((4, 4), epochs=3, callbacks=(run_logging(tmp_path, RecordingLogger(), 0), Stop()))
    first.train()
    recorder = RecordingLogger()
    resumed = trainer((4, 4), epochs=3, callbacks=(run_logging(tmp_path, recorder, 0), Callback()))
    state = first.state_dict()
    resumed.load_state_dict(state | {"callback Callback": {}})
    resumed.train()
    assert recorder.calls == [("open", 1, "new"), ("log", 2, True), ("log", 3, True), ("close", False)]


class Stop(Callback):
    def on_epoch_end(self, trainer: Trainer, record: Mapping[str, float]) -> None:
        trainer.stop("test")


class Fail(Callback):
    def on_epoch_end(self, trainer: Trainer, record: Mapping[str, float]) -> None:
        raise TrainingError("test")


@pytest.mark.parametrize(("then", "failed"), [(Stop(), False), (Fail(), True)])
def test_close_gets_whether_the_run_failed(tmp_path: Path, then: Callback, failed: bool) -> None:
    recorder = RecordingLogger()
    run = trainer((4, 4), epochs=3, callbacks=(run_logging(tmp_path, recorder), then))
    if failed:
        with pytest.raises(TrainingError):
            run.train()
    else:
        run.train()
    assert recorder.calls[-1] == ("close", failed)


def test_the_clock_adds_up_over_resumed_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    run, clock = trainer((4,)), Clock()
    assert clock.seconds == 0
    clock.on_train_start(run)
    now = 130.0
    state = clock.state_dict()  # a checkpoint within the run
    now = 140.0
    clock.on_train_end(run)
    now = 500.0
    assert (state["seconds"], clock.seconds) == (30, 40)
    resumed = Clock()
    resumed.load_state_dict(state)
    resumed.on_train_start(run)
    now = 505.0
    assert resumed.seconds == 35
