from __future__ import annotations

from pathlib import Path

import pytest

from yolo.config import TrainSettings, flat, read_train_settings, with_recipe, write_settings
from yolo.errors import SettingsError


def test_command_line_over_recipe_over_defaults(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("epochs: 7\nhsv_h: 0.5\nlr0: 1\nbatch_size: 4\n")
    settings = read_train_settings(["--data", "x", "--hyp", str(recipe), "--batch-size", "8"])
    assert (settings.epochs, settings.augment.hsv_h, settings.optimization.lr0) == (7, 0.5, 1.0)
    assert settings.batch_size == 8
    assert settings.loss.giou == TrainSettings().loss.giou


def test_no_data_means_the_demonstration() -> None:
    settings = read_train_settings([])
    assert (settings.cfg, settings.data) == ("shapes", "shapes")
    assert read_train_settings(["--data", "x"]).cfg == TrainSettings().cfg


def test_names_are_unique_over_the_tree() -> None:
    def count(settings: object) -> int:
        nested = [getattr(settings, name) for name in settings.__dataclass_fields__]  # type: ignore[attr-defined]
        return sum(count(value) if hasattr(value, "__dataclass_fields__") else 1 for value in nested)

    assert len(flat(TrainSettings())) == count(TrainSettings())


def test_written_settings_repeat_the_run(tmp_path: Path) -> None:
    settings = read_train_settings(["--data", "x", "--fliplr", "0.25", "--img-size", "416"])
    write_settings(settings, tmp_path / "settings.yaml")
    assert with_recipe(TrainSettings(), str(tmp_path / "settings.yaml")) == settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs: 3\nhsv: 1\n", "mine.yaml:2: 'hsv' is no setting"),
        ("epochs: many\n", "mine.yaml:1: epochs: 'many' is not of type int"),
        ("epochs: true\n", "mine.yaml:1: epochs: True is not of type int"),
        ("img_size: 1.5\n", "mine.yaml:1: img_size: 1.5 is not of type int or nothing"),
        ("epochs: [\n", "mine.yaml:2: "),
        ("- a\n", "mine.yaml:1: a recipe has one `name: value` a line"),
        ("optimizer: lion\n", "mine.yaml:1: optimizer: 'lion' is not one of sgd, adam, adamw"),
        ("epochs: 0\n", "--epochs 0: use 1 or more"),
        ("freeze: '3'\nfreeze_layers: true\n", "--freeze 3: use it or --freeze-layers, not both"),
        ("freeze_epochs: 2\n", "--freeze-epochs 2: use it with --freeze or --freeze-layers"),
        ("freeze: '3'\nfreeze_epochs: 0\n", "--freeze-epochs 0: use 1 or more"),
        ("freeze: '3'\nfreeze_epochs: 9\nepochs: 9\n", "--freeze-epochs 9: use less than the 9 --epochs"),
        ("freeze: '3'\nfreeze_batch_size: 8\n", "--freeze-batch-size 8: use it with --freeze-epochs"),
        ("freeze: '3'\nfreeze_epochs: 2\nfreeze_lr0: 0\n", "--freeze-lr0 0.0: use a number above 0"),
    ],
)
def test_bad_recipes(tmp_path: Path, text: str, message: str) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(text)
    with pytest.raises(SettingsError) as caught:
        with_recipe(TrainSettings(), str(recipe))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_recipe_lists_the_shipped_ones() -> None:
    with pytest.raises(SettingsError, match=r"--hyp none: no such recipe; .*shapes"):
        with_recipe(TrainSettings(), "none")
