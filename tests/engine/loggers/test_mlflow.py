from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.engine.loggers.recorded import Calls, install, recorder
from yolo.engine.loggers.mlflow import Mlflow
from yolo.errors import SettingsError


class FakeMlflowError(Exception):
    """Stands for MlflowException."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    found: Calls = []
    run = SimpleNamespace(info=SimpleNamespace(run_id="abc"))
    names = ("set_experiment", "log_params", "log_metrics", "log_image", "end_run")
    parts = {name: recorder(found, name) for name in names}
    install(
        monkeypatch,
        "mlflow",
        start_run=recorder(found, "start_run", run),
        get_tracking_uri=lambda: "sqlite:///mlflow.db",
        MlflowException=FakeMlflowError,
        **parts,
    )
    return found


def test_calls_of_a_whole_run(calls: Calls, tmp_path: Path) -> None:
    logger = Mlflow("runs", tmp_path / "train")
    assert logger.open(epoch=0, run_id="") == "abc"
    logger.log_settings({"epochs": 3, "long": "x" * 600})
    logger.log({"AP50-95/caf\u00e9 (big)": 0.5}, 2)
    image = np.zeros((20, 30, 3), np.uint8)
    logger.log_image("pr_curve", image, 2)
    logger.close(failed=False)
    logger.close(failed=True)
    assert calls == [
        ("set_experiment", ("runs",), {}),
        ("start_run", (), {"run_id": None, "run_name": "train"}),
        ("log_params", ({"epochs": "3", "long": "x" * 500},), {}),
        ("log_metrics", ({"AP50-95/caf\u00e9 _big_": 0.5},), {"step": 2}),
        ("log_image", (image, "pr_curve_2.png"), {}),
        ("end_run", ("FINISHED",), {}),
        ("end_run", ("FAILED",), {}),
    ]


def test_a_resumed_run_reopens_its_mlflow_run(calls: Calls, tmp_path: Path) -> None:
    Mlflow("runs", tmp_path / "train").open(epoch=4, run_id="abc")
    assert calls[1] == ("start_run", (), {"run_id": "abc", "run_name": "train"})


def test_server_failures_warn_while_training_and_are_errors_at_the_start(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise FakeMlflowError("503\nlater")

    logger = Mlflow("runs", tmp_path)
    logger.open(epoch=0, run_id="")
    monkeypatch.setattr(sys.modules["mlflow"], "log_metrics", fail)
    logger.log({"x": 1.0}, 1)
    assert "mlflow: 503" in caplog.text
    monkeypatch.setattr(sys.modules["mlflow"], "start_run", fail)
    with pytest.raises(SettingsError, match="--logger mlflow: 503 later; look at MLFLOW_TRACKING_URI"):
        logger.open(epoch=0, run_id="")


def test_a_missing_package_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(SettingsError, match=r"--logger mlflow: cannot be imported \(.*\); run: pip install mlflow"):
        Mlflow("runs", tmp_path)
