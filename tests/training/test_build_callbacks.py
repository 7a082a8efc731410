from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from tests.data.painting import index_of, paint
from yolo.config.run_settings import RunSettings
from yolo.data.sample import Batch
from yolo.errors import SettingsError
from yolo.training.build_callbacks import build_loggers
from yolo.training.summary_text import describe_batch


def test_a_batch_is_described_by_its_images(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((8, 8), []) for _ in range(3)])
    batch = Batch(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.zeros(0, 6), (2, 0), ())
    assert describe_batch(batch, index) == f"{index.path(2).name}, {index.path(0).name}"


def test_tensorboard_is_the_default_and_a_missing_logger_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(build_loggers(RunSettings(), tmp_path)) == ["tensorboard"]
    for name in ("wandb", "mlflow"):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(SettingsError, match=f"--logger {name}: cannot be imported"):
            build_loggers(RunSettings(logger=name), tmp_path)
