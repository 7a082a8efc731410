from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.engine.loggers.recorded import Calls, install, recorder
from yolo.engine.loggers.wandb import Wandb
from yolo.errors import SettingsError


class FakeWandbError(Exception):
    """Stands for wandb.Error."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    found: Calls = []
    run = SimpleNamespace(
        id="abc",
        log=recorder(found, "log"),
        finish=recorder(found, "finish"),
        config=SimpleNamespace(update=recorder(found, "config")),
    )
    monkeypatch.delenv("WANDB_MODE", raising=False)
    image = lambda pixels: ("image", pixels.shape)  # noqa: E731
    install(monkeypatch, "wandb", init=recorder(found, "init", run), Image=image, Error=FakeWandbError)
    return found


def test_calls_of_a_whole_run(calls: Calls, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "yolo")
    logger = Wandb("runs", tmp_path / "train")
    assert logger.open(epoch=0, run_id="") == "abc"
    logger.log_settings({"epochs": 3})
    logger.log({"x": 0.5}, 2)
    logger.log_image("pr_curve", np.zeros((20, 30, 3), np.uint8), 2)
    logger.close(failed=True)
    folder = str(tmp_path / "train")
    assert calls == [
        ("init", (), {"project": "runs", "name": "train", "dir": folder, "mode": "offline"}),
        ("config", ({"epochs": 3},), {"allow_val_change": True}),
        ("log", ({"x": 0.5},), {"step": 2}),
        ("log", ({"pr_curve": ("image", (20, 30, 3))},), {"step": 2}),
        ("finish", (), {"exit_code": 1}),
    ]
    assert "wandb: offline; WANDB_MODE=online sends while training" in caplog.text


def test_a_resumed_run_reopens_its_wandb_run_in_the_mode_of_the_environment(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "yolo")
    monkeypatch.setenv("WANDB_MODE", "online")
    Wandb("runs", tmp_path).open(epoch=4, run_id="abc")
    named: dict[str, Any] = calls[0][2]
    assert (named["id"], named["resume"], named["mode"]) == ("abc", "allow", "online")
    assert "offline" not in caplog.text


def test_an_error_of_wandb_becomes_one_line(calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**settings: object) -> None:
        raise FakeWandbError("no API key")

    monkeypatch.setattr(sys.modules["wandb"], "init", fail)
    with pytest.raises(SettingsError, match="--logger wandb: no API key; run: wandb login, or set WANDB_MODE=offline"):
        Wandb("runs", tmp_path).open(epoch=0, run_id="")


def test_a_missing_package_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(SettingsError, match=r"--logger wandb: cannot be imported \(.*\); run: pip install wandb"):
        Wandb("runs", tmp_path)
