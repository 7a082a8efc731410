"""Settings of training: one tree of typed records, one flat space of names.

Precedence: the records' defaults < a recipe file < the command line. A run's resolved settings are written to its
folder as `settings.yaml`, which is itself a recipe: `--hyp runs/train/settings.yaml` repeats the run.
"""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import tyro
import yaml

from yolo.data.augment.settings import Augment
from yolo.data.picture_cache.choose import CacheKind
from yolo.engine.optimizer import OptimizerName
from yolo.errors import SettingsError
from yolo.losses.shape_match import LossSettings
from yolo.storage import atomic_path, find_file, shipped_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEMO = "shapes"


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """Optimizer and schedule."""

    optimizer: OptimizerName = "sgd"
    """sgd (Nesterov), adam or adamw; adam and adamw want a smaller lr0."""
    lr0: float = 0.01
    """Learning rate after burn-in."""
    lrf: float = 0.05
    """Learning rate at the end, as a fraction of lr0; a cosine leads there."""
    momentum: float = 0.937
    """Momentum of SGD, first beta of Adam."""
    weight_decay: float = 0.0005
    """Decay of convolution weights."""
    nominal_batch_size: int = 64
    """Pictures an optimizer step, reached by accumulating batches."""
    least_steps: int = 2000
    """Accumulate less where the run would have fewer optimizer steps than this."""
    burn_in_share: float = 0.1
    """Burn-in lasts max(3 epochs, 500 batches), but no more than this share of the run."""
    ema_decay: float = 0.9999
    """Largest decay of the averaged weights."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Train a Darknet network on labelled pictures.

    Without --data, it trains a small network on pictures that it draws itself.
    """

    cfg: str = "yolov4-tiny"
    """Network: a .cfg file, or the name of a shipped one."""
    data: str = DEMO
    """Data set: a .data file, data.yaml, VOC or COCO folder, COCO .json, folder of pictures, or 'shapes'."""
    weights: str = ""
    """Start from these: .weights (whole or partial), .pt or .safetensors; empty: from scratch."""
    hyp: str = ""
    """Recipe: a YAML file with any of these settings by name, or the name of a shipped one."""
    epochs: int = 100
    """Passes over the training split."""
    batch_size: int = 16
    """Pictures a batch."""
    img_size: int | None = None
    """Side of the network input, pixels; default: the cfg's width."""
    rect: bool = False
    """As little grey around each picture as the network allows, in training and validation; without mosaics."""
    multi_scale: tuple[float, float] | None = None
    """Every 10 steps another input size, from LOW to HIGH times --img-size."""
    single_cls: bool = False
    """All objects are of one class."""
    image_weights: bool = False
    """Draw pictures of rare and badly found classes more often."""
    close_mosaic: int = 0
    """Epochs at the end without mosaics."""
    name: str = "train"
    """The run's folder below --project."""
    project: str = "runs"
    """Folder of all runs."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    workers: int = 2
    """Processes that read and augment pictures; 0: none beside the trainer."""
    cache: CacheKind = "auto"
    """Keep decoded training pictures: none, ram, disk; auto: ram if they take less than a quarter of what is free."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    optimization: OptimizerSettings = field(default_factory=OptimizerSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    augment: Augment = field(default_factory=Augment)

    def __post_init__(self) -> None:
        require("--epochs", self.epochs, self.epochs >= 1, "1 or more")
        require("--batch-size", self.batch_size, self.batch_size >= 1, "1 or more")
        require("--img-size", self.img_size, self.img_size is None or self.img_size >= 32, "32 or more")
        low, high = self.multi_scale or (1, 1)
        require("--multi-scale", f"{low:g} {high:g}", 0 < low <= 1 <= high <= 4, "0 < LOW <= 1 <= HIGH <= 4")
        require("--image-weights", "with --rect", not (self.image_weights and self.rect), "one of the two")
        require("--close-mosaic", self.close_mosaic, 0 <= self.close_mosaic <= self.epochs, "0 to --epochs")
        require("--workers", self.workers, self.workers >= 0, "0 or more")
        require("--seed", self.seed, 0 <= self.seed < 2**32, "0 to 4294967295")
        require("--lr0", self.optimization.lr0, self.optimization.lr0 > 0, "a number above 0")
        momentum = self.optimization.momentum
        require("--momentum", momentum, 0 < momentum < 1, "a number between 0 and 1")
        share = self.optimization.burn_in_share
        require("--burn-in-share", share, 0 <= share <= 1, "a share between 0 and 1")


def require(flag: str, value: object, holds: bool, allowed: str) -> None:
    """Raise a `SettingsError` unless a setting holds."""
    if not holds:
        raise SettingsError(f"{flag} {value}: use {allowed}")


def read_train_settings(arguments: Sequence[str] | None = None) -> TrainSettings:
    """The settings of a command line (default: the program's own), over its recipe, over the defaults."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--hyp", default="")
    early.add_argument("--data")
    given, _ = early.parse_known_args(arguments)
    defaults = TrainSettings()
    if recipe := given.hyp or ("" if given.data else DEMO):
        defaults = with_recipe(defaults, recipe)
    return tyro.cli(
        TrainSettings,
        prog="python -m yolo.train",
        args=arguments,
        default=defaults,
        config=(tyro.conf.OmitArgPrefixes,),
    )


Settings = TypeVar("Settings")


def with_recipe(settings: Settings, recipe: str) -> Settings:
    """Settings with the values of a recipe file.

    Raises:
        SettingsError: no such file, not YAML, an unknown name or a value of the wrong type.
    """
    path = find_file(recipe, "data", ".yaml")
    if path is None:
        names = ", ".join(shipped_names("data", ".yaml"))
        raise SettingsError(f"--hyp {recipe}: no such recipe; give a YAML file, or one of: {names}")
    values, lines = _read_yaml(path)
    unknown = set(values) - set(_names(settings))
    for name in sorted(unknown, key=lambda name: lines[name]):
        raise SettingsError(f"{path}:{lines[name]}: '{name}' is no setting; `python -m yolo.train --help` lists them")
    resolved: Settings = _replaced(settings, values, lambda name: f"{path}:{lines[name]}")
    return resolved


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """A flat YAML mapping, and the line of each of its keys."""
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text) or {}
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise SettingsError(f"{path}:{line}: {problem}; a recipe has one `name: value` a line") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{path}:1: a recipe has one `name: value` a line")
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key): value for key, value in values.items()}, {k.value: k.start_mark.line + 1 for k, _ in pairs}


def _names(settings: Any) -> list[str]:
    """Names of all leaves of the tree."""
    names = []
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        names += _names(value) if dataclasses.is_dataclass(value) else [item.name]
    return names


def _replaced(settings: Any, values: dict[str, Any], where: Callable[[str], str]) -> Any:
    """A copy of the tree with leaves replaced by name, types checked."""
    hints = get_type_hints(type(settings))
    changes = {}
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if dataclasses.is_dataclass(value):
            changes[item.name] = _replaced(value, values, where)
        elif item.name in values:
            changes[item.name] = _checked(values[item.name], hints[item.name], item.name, where)
    return dataclasses.replace(settings, **changes)


def _checked(value: Any, hint: Any, name: str, where: Callable[[str], str]) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise SettingsError(f"{where(name)}: {name}: {value!r} is not one of {', '.join(get_args(hint))}")
        return value
    if isinstance(value, list) and (parts := _tuple_parts(hint)) and len(value) == len(parts):
        return tuple(_checked(part, kind, name, where) for part, kind in zip(value, parts, strict=True))
    allowed = tuple(get_origin(kind) or kind for kind in get_args(hint) or (hint,))
    if isinstance(value, bool) and bool not in allowed:
        pass
    elif isinstance(value, allowed):
        return value
    elif isinstance(value, int) and float in allowed:
        return float(value)
    kinds = " or ".join("nothing" if kind is type(None) else kind.__name__ for kind in allowed)
    raise SettingsError(f"{where(name)}: {name}: {value!r} is not of type {kinds}")


def _tuple_parts(hint: Any) -> tuple[Any, ...]:
    """Types of the values of a tuple, or of the tuple that a setting may be; else none."""
    return next((get_args(kind) for kind in (hint, *get_args(hint)) if get_origin(kind) is tuple), ())


def flat(settings: Any) -> dict[str, Any]:
    """All leaves of the tree by name."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        values |= flat(value) if dataclasses.is_dataclass(value) else {item.name: value}
    return values


def write_settings(settings: TrainSettings, path: Path) -> None:
    """Write resolved settings as a recipe that repeats the run."""
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(flat(settings), sort_keys=False), encoding="utf-8")
