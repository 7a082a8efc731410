from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from yolo.config.recipe import flatten_settings, with_recipe, with_values, write_settings
from yolo.config.train_settings import TrainSettings
from yolo.errors import SettingsError
from yolo.training.read_settings import EXAMPLES, read_train_settings

FLAGS = """--epochs --batch-size --cfg --data --multi-scale --img-size --rect --resume --nosave --notest --evolve
--bucket --cache-images --weights --name --device --adam --single-cls --freeze-layers --hyp"""


def test_the_command_line_overrides_the_recipe_and_the_recipe_the_defaults(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("epochs: 7\nhsv_h: 0.5\nlr0: 1\nbatch_size: 4\n")
    settings = read_train_settings(["--data", "x", "--hyp", str(recipe), "--batch-size", "8"])
    assert (settings.epochs, settings.augment.hsv_h, settings.optimization.lr0) == (7, 0.5, 1.0)
    assert settings.batch_size == 8
    assert settings.loss.giou == TrainSettings().loss.giou


def test_a_batch_size_is_a_number_or_auto(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("batch_size: auto\n")
    assert read_train_settings(["--data", "x", "--hyp", str(recipe)]).batch_size == "auto"
    assert read_train_settings(["--data", "x", "--batch-size", "auto"]).batch_size == "auto"
    assert read_train_settings(["--data", "x", "--batch-size", "5"]).images_per_batch == 5


def test_without_data_the_demonstration_is_trained() -> None:
    settings = read_train_settings([])
    assert (settings.model.cfg, settings.dataset.data) == ("shapes", "shapes")
    assert read_train_settings(["--data", "x"]).model.cfg == TrainSettings().model.cfg


def test_setting_names_are_unique_in_the_tree() -> None:
    def count(settings: object) -> int:
        nested = [getattr(settings, name) for name in settings.__dataclass_fields__]  # type: ignore[attr-defined]
        return sum(count(value) if hasattr(value, "__dataclass_fields__") else 1 for value in nested)

    assert len(flatten_settings(TrainSettings())) == count(TrainSettings())


def test_written_settings_read_back_equal(tmp_path: Path) -> None:
    given = "--data x --fliplr 0.25 --img-size 416 --schedule steps --lr-steps 0.5 0.7 --lr-scales 0.2 0.3"
    settings = read_train_settings([*given.split(), "--optimizer-args", "dampening", "0", "nesterov", "False"])
    assert settings.schedule.lr_steps == (0.5, 0.7)
    assert settings.optimization.optimizer_args == {"dampening": 0, "nesterov": False}
    write_settings(settings, tmp_path / "settings.yaml")
    assert with_recipe(TrainSettings(), str(tmp_path / "settings.yaml")) == settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs: 3\nhsv: 1\n", "mine.yaml:2: 'hsv' is not a setting"),
        ("epochs: many\n", "mine.yaml:1: epochs: 'many' is not of type int"),
        ("epochs: true\n", "mine.yaml:1: epochs: True is not of type int"),
        ("img_size: 1.5\n", "mine.yaml:1: img_size: 1.5 is not of type int"),
        ("epochs: [\n", "mine.yaml:2: "),
        ("- a\n", "mine.yaml:1: a recipe has one `name: value` per line"),
        ("optimizer_args: 1\n", "mine.yaml:1: optimizer_args: 1 is not of type mapping"),
        ("schedule: cosinus\n", "mine.yaml:1: schedule: 'cosinus' is not one of cosine, linear, "),
        ("lr_steps: 0.5\n", "--lr-scales has 2 values, but --lr-steps has 1; give one scale for each step"),
        ("lr_steps: [x]\n", "mine.yaml:1: lr_steps: 'x' is not of type float"),
        ("lr_steps: [0.9, 0.8]\n", "--lr-steps (0.9, 0.8): use fractions of training between 0 and 1, in ascending"),
        ("lr_scales: [0.1]\n", "--lr-scales has 1 values, but --lr-steps has 2; give one scale for each step"),
        ("schedule: exponential\nlrf: 0.0\n", "--lrf 0.0: use more than 0 with the schedule exponential"),
        ("lrf: 1.5\n", "--lrf 1.5: use a fraction between 0 and 1"),
        ("lr_power: 0.0\n", "--lr-power 0.0: use a number above 0"),
        ("burn_in_epochs: 101\n", "--burn-in-epochs 101.0: use 0 to 100, the epochs"),
        ("burn_in_epochs: 1\nburn_in_batches: 9\n", "--burn-in-batches 9: use either this or --burn-in-epochs"),
        ("cfg_batches: true\n", "--cfg-batches requires --schedule cfg"),
        ("clip_grad_norm: -1\n", "--clip-grad-norm -1.0: use 0 or more"),
        ("batch_size: 0\n", "--batch-size 0: use 1 or more, or auto"),
        ("batch_size: max\n", "mine.yaml:1: batch_size: 'max' is not of type int or auto"),
        ("batch_size: auto\nprecision: apex-O1\n", "--precision apex-O1: use it with a number for --batch-size"),
        ("preview_period: -1\n", "--preview-period -1: use 0 or more"),
        ("logger: print\n", "mine.yaml:1: logger: 'print' is not one of none, wandb, mlflow"),
        ("epochs: 0\n", "--epochs 0: use 1 or more"),
        ("multi_scale: 0.5\n", "--multi-scale 0.5: use it by itself, or with LOW HIGH"),
        ("multi_scale_every: 0\n", "--multi-scale-every 0: use 1 or more"),
        ("multi_scale: [0.5, 2]\nimg_size: [320, 416]\n", "--multi-scale 0.5 2: use LOW HIGH, or --img-size MIN MAX, "),
        ("img_size: [96, 96, 96, 96]\n", "--img-size 96 96 96 96: use one value, MIN MAX, or MIN MAX TEST"),
        ("img_size: [416, 320]\n", "--img-size 416 320: use MIN no larger than MAX"),
        ("img_size: 16\n", "--img-size 16: use 32 or more"),
        ("nosave: true\nsave_period: 2\n", "--save-period 2 with --nosave: use one of the two"),
        ("stream: true\n", "--stream with --data shapes: use it with a URL"),
        ("evolve: 1\nproject: s3://b\n", "--project s3://b: use a folder with --evolve, and --bucket for a copy"),
        ("evolve: -1\n", "--evolve -1: use 0 or more"),
        ("evolve: 2\nresume: x\n", "--resume with --evolve: use --evolve alone"),
        ("lr0: 0\n", "--lr0 0.0: use a number above 0"),
        ("multi_scale: [a, b]\n", "mine.yaml:1: multi_scale: 'a' is not of type float"),
        ("multi_scale: [1.5, 0.5]\n", "--multi-scale 1.5 0.5: use 0 < LOW <= 1 <= HIGH <= 4"),
        ("rect: true\nimage_weights: true\n", "--image-weights with --rect: use one of the two"),
        ("freeze: '3'\nfreeze_layers: true\n", "--freeze 3: use it or --freeze-layers, not both"),
        ("freeze_epochs: 2\n", "--freeze-epochs 2: use it with --freeze or --freeze-layers"),
        ("freeze: '3'\nfreeze_epochs: 0\n", "--freeze-epochs 0: use 1 or more"),
        ("freeze: '3'\nfreeze_epochs: 9\nepochs: 9\n", "--freeze-epochs 9: use less than the 9 --epochs"),
        ("freeze: '3'\nfreeze_batch_size: 8\n", "--freeze-batch-size 8: use it with --freeze-epochs"),
        ("freeze: '3'\nfreeze_epochs: 2\nfreeze_lr0: 0\n", "--freeze-lr0 0.0: use a number above 0"),
    ],
)
def test_mistakes_in_recipes_are_one_line_errors(tmp_path: Path, text: str, message: str) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(text)
    with pytest.raises(SettingsError) as caught:
        with_recipe(TrainSettings(), str(recipe))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_recipe_lists_the_shipped_ones() -> None:
    with pytest.raises(SettingsError, match=r"--hyp none: no such recipe; .*shapes"):
        with_recipe(TrainSettings(), "none")


def test_a_pair_of_numbers_is_a_list_in_a_recipe(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("multi_scale: [0.5, 2]\nrect: true\n")
    settings = with_recipe(TrainSettings(), str(recipe))
    assert (settings.sizes.multi_scale, settings.dataset.rect) == ((0.5, 2.0), True)
    write_settings(settings, recipe)
    assert with_recipe(TrainSettings(), str(recipe)) == settings
    assert read_train_settings(["--data", "x", "--multi-scale", "0.5", "1.5"]).sizes.multi_scale == (0.5, 1.5)


def write_run(project: Path, name: str, age: float, **values: object) -> Path:
    folder = project / name
    folder.mkdir(parents=True)
    write_settings(with_values(TrainSettings(), {"data": "x", "name": name, **values}), folder / "settings.yaml")
    os.utime(folder, (1e9 - age, 1e9 - age))
    return folder


@pytest.mark.parametrize("flag", [["--resume"], ["--resume", "--epochs", "9"]])
def test_resume_without_a_value_takes_the_newest_run_and_its_settings(tmp_path: Path, flag: list[str]) -> None:
    write_run(tmp_path, "old", age=100, epochs=3)
    newest = write_run(tmp_path, "new", age=50, epochs=5, cfg="yolov4-tiny")
    settings = read_train_settings(["--project", str(tmp_path), *flag])
    assert settings.run.resume == str(newest)
    assert (settings.model.cfg, settings.run.name, settings.dataset.data) == ("yolov4-tiny", "new", "x")
    assert settings.epochs == (9 if "--epochs" in flag else 5)


@pytest.mark.parametrize("form", ["{}", "{}/last.pt", "={}"])
def test_resume_by_folder_or_file(tmp_path: Path, form: str) -> None:
    run = write_run(tmp_path, "a", age=0, epochs=4)
    (run / "last.pt").touch()
    named = form.format(run)
    arguments = [f"--resume{named}"] if named.startswith("=") else ["--resume", named]
    settings = read_train_settings([*arguments, "--batch-size", "2"])
    assert (settings.run.resume, settings.epochs, settings.batch_size) == (str(run), 4, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--cfg", "yolov3"],
            "--resume with --cfg yolov3: the run has shapes, which cannot change; leave it out",
        ),
        (["--optimizer", "rmsprop"], "--resume with --optimizer rmsprop: the run has adam, which cannot change"),
        (["--weights", "a.pt"], "--resume with --weights a.pt: the run has none, which cannot change"),
        (["--optimizer-args", "eps", "1e-6"], "--resume with --optimizer-args {'eps': 1e-06}: the run has none"),
    ],
)
def test_what_cannot_change_in_a_resumed_run_is_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    run = write_run(tmp_path, "a", age=0, cfg="shapes", optimizer="adam")
    with pytest.raises(SettingsError, match=re.escape(message)):
        read_train_settings(["--resume", str(run), *arguments])
    same = read_train_settings(["--resume", str(run), "--cfg", "shapes", "--adam", "--lr0", "0.002"])
    assert same.optimization.lr0 == 0.002


def test_settings_of_a_resumed_run_do_not_contain_resume(tmp_path: Path) -> None:
    run = write_run(tmp_path, "a", age=0)
    write_settings(read_train_settings(["--resume", str(run)]), run / "settings.yaml")
    assert "resume: ''" in (run / "settings.yaml").read_text()


@pytest.mark.parametrize("arguments", [["--resume", "--project", "nowhere"], ["--resume", "nowhere"]])
def test_a_missing_run_to_resume_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"--resume.*no run"):
        read_train_settings(arguments)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {"img_size": (), "multi_scale": None, "multi_scale_every": 10, "evolve": 0, "nosave": False}),
        ("--img-size 416", {"img_size": (416,)}),
        ("--img-size 320 640", {"img_size": (320, 640)}),
        ("--img-size 320 640 416", {"img_size": (320, 640, 416)}),
        ("--multi-scale", {"multi_scale": ()}),
        ("--multi-scale --img-size 320 640 640", {"multi_scale": (), "img_size": (320, 640, 640)}),
        ("--multi-scale 0.5 1.5 --multi-scale-every 1", {"multi_scale": (0.5, 1.5), "multi_scale_every": 1}),
        ("--rect --nosave --notest", {"rect": True, "nosave": True, "notest": True}),
        ("--evolve 5", {"evolve": 5, "sampler": "mutation"}),
        ("--evolve 5 --sampler optuna", {"evolve": 5, "sampler": "optuna"}),
        ("--bucket /copies", {"bucket": "/copies"}),
        ("--cache-images --weights a.weights --name b", {"cache": "ram", "weights": "a.weights", "name": "b"}),
        ("--adam", {"optimizer": "adam", "lr0": None}),
        ("--picture-period 3 --least-steps 5", {"preview_period": 3, "min_steps": 5}),
        ("--adam --lr0 0.002", {"optimizer": "adam", "lr0": 0.002}),
        ("--device cpu --single-cls --freeze-layers", {"device": "cpu", "single_cls": True, "freeze_layers": True}),
        ("--epochs 3 --batch-size 4 --cfg yolov3", {"epochs": 3, "batch_size": 4, "cfg": "yolov3"}),
    ],
)
def test_flags_of_the_pytorch_yolov3_trainers(tmp_path: Path, line: str, expected: dict[str, object]) -> None:
    settings = read_train_settings(["--data", "x", *line.split()])
    assert flatten_settings(settings).items() >= expected.items()
    write_settings(settings, tmp_path / "settings.yaml")
    assert with_recipe(TrainSettings(), str(tmp_path / "settings.yaml")) == settings


@pytest.mark.parametrize(
    ("line", "lr"),
    [("", 0.01), ("--adam", 0.001), ("--optimizer SGD", 0.01), ("--optimizer adamw", 0.001), ("--adam --lr0 1", 1.0)],
)
def test_the_default_learning_rate_depends_on_the_optimizer(line: str, lr: float) -> None:
    assert read_train_settings(["--data", "x", *line.split()]).optimization.lr == lr


def test_help_has_groups_defaults_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        read_train_settings(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for flag in FLAGS.split():
        assert flag in text
    for group in ("sizes", "saving", "search", "optimization"):
        assert f"{group} options" in text
    assert "(default: 100)" in text  # the epochs of a run with --data
    assert text.count("\n  python -m yolo.train") == 4


def test_the_examples_in_help_can_be_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs", "train", age=0)
    (tmp_path / "mine.yaml").write_text("epochs: 5\n")
    lines = [line.split()[3:] for line in EXAMPLES.splitlines() if "yolo.train" in line]
    assert [read_train_settings(line).epochs for line in lines] == [100, 5, 100, 100]
