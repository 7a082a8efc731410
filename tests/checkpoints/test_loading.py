from __future__ import annotations

from pathlib import Path

import pytest
import torch

from yolo.checkpoints.checkpoint_file import save_checkpoint
from yolo.checkpoints.loading import read_validation_settings
from yolo.config.recipe import flat, with_values
from yolo.config.train_settings import TrainSettings
from yolo.remote.runs import new_run_folder
from yolo.test import read_test_settings


@pytest.mark.parametrize(
    ("img_size", "rect", "single_cls", "expected"),
    [
        ((), False, False, (None, False, False)),
        ((320, 640, 416), True, False, (416, True, False)),
        ((320, 640), False, True, (640, False, True)),
    ],
)
def test_a_checkpoint_is_scored_as_its_run_scored_it(
    tmp_path: Path, img_size: tuple[int, ...], rect: bool, single_cls: bool, expected: tuple[int | None, bool, bool]
) -> None:
    run = with_values(TrainSettings(), {"img_size": list(img_size), "rect": rect, "single_cls": single_cls})
    save_checkpoint(tmp_path / "best.pt", {"model": {"a": torch.zeros(1)}, "settings": flat(run)})
    settings = read_test_settings(["--weights", str(tmp_path / "best.pt")])
    assert (settings.img_size, settings.rect, settings.single_cls) == expected
    flags = ["--img-size", "96", "--no-rect", "--no-single-cls"]
    settings = read_test_settings(["--weights", str(tmp_path / "best.pt"), *flags])
    assert (settings.img_size, settings.rect, settings.single_cls) == (96, False, False)


def test_other_files_say_nothing(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "other.pt", {"model": {"a": torch.zeros(1)}, "settings": [1]})
    (tmp_path / "a.weights").touch()
    for name in ("other.pt", "a.weights", "none.pt"):
        assert read_validation_settings(str(tmp_path / name)) == {}
    settings = read_test_settings(["--weights", "a.weights", "--rect"])
    assert (settings.img_size, settings.rect) == (None, True)


def test_run_folders(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()  # empty: free
    made = [new_run_folder(str(tmp_path), "run", lambda folder: (folder / "a").touch()).name for _ in range(3)]
    assert made == ["run", "run-2", "run-3"]
