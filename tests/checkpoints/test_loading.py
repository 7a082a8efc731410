from __future__ import annotations

from pathlib import Path

import pytest
import torch

from yolo.checkpoints.checkpoint_file import save_checkpoint
from yolo.checkpoints.loading import read_validation_settings
from yolo.config.recipe import flatten_settings, with_values
from yolo.config.train_settings import TrainSettings
from yolo.test import read_test_settings


@pytest.mark.parametrize(
    ("img_size", "rect", "single_cls", "expected"),
    [
        ((), False, False, (None, False, False)),
        ((320, 640, 416), True, False, (416, True, False)),
        ((320, 640), False, True, (640, False, True)),
    ],
)
def test_a_checkpoint_is_evaluated_with_the_settings_of_its_run(
    tmp_path: Path, img_size: tuple[int, ...], rect: bool, single_cls: bool, expected: tuple[int | None, bool, bool]
) -> None:
    run = with_values(TrainSettings(), {"img_size": list(img_size), "rect": rect, "single_cls": single_cls})
    save_checkpoint(tmp_path / "best.pt", {"model": {"a": torch.zeros(1)}, "settings": flatten_settings(run)})
    settings = read_test_settings(["--weights", str(tmp_path / "best.pt")])
    assert (settings.img_size, settings.rect, settings.single_cls) == expected
    flags = ["--img-size", "96", "--no-rect", "--no-single-cls"]
    settings = read_test_settings(["--weights", str(tmp_path / "best.pt"), *flags])
    assert (settings.img_size, settings.rect, settings.single_cls) == (96, False, False)


def test_tiles_of_a_run_are_remembered(tmp_path: Path) -> None:
    run = with_values(TrainSettings(), {"tile": True, "tile_size": 320, "tile_overlap": 0.5})
    save_checkpoint(tmp_path / "best.pt", {"model": {"a": torch.zeros(1)}, "settings": flatten_settings(run)})
    settings = read_test_settings(["--weights", str(tmp_path / "best.pt")])
    assert (settings.tile, settings.tile_size, settings.tile_overlap) == (True, 320, 0.5)


def test_other_files_have_no_validation_settings(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "other.pt", {"model": {"a": torch.zeros(1)}, "settings": [1]})
    (tmp_path / "a.weights").touch()
    for name in ("other.pt", "a.weights", "none.pt"):
        assert read_validation_settings(str(tmp_path / name)) == {}
    settings = read_test_settings(["--weights", "a.weights", "--rect"])
    assert (settings.img_size, settings.rect) == (None, True)
