"""Settings of training: one tree of typed records, one flat space of names.

Precedence: the records' defaults < a recipe file < the command line. A run's resolved settings are written to its
folder as `settings.yaml`, which is itself a recipe: `--hyp runs/train/settings.yaml` repeats the run.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import tyro
import yaml

from yolo.data.transforms import Augment
from yolo.engine.optimizer import Argument, check_arguments
from yolo.engine.policies import PolicySettings
from yolo.engine.precision import PrecisionName
from yolo.errors import SettingsError
from yolo.losses.registry import LossName
from yolo.losses.shape_match import LossSettings
from yolo.storage import atomic_path, find_file, shipped_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

DEMO = "shapes"
NEWEST = "newest"  # what --resume without a value means
SETTINGS_FILE = "settings.yaml"


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """Optimizer, what a step is, and averaging."""

    optimizer: str = "sgd"
    """sgd (Nesterov), adam, adamw, or any other of torch.optim by name; all but sgd want a smaller lr0."""
    optimizer_args: dict[str, Argument] = field(default_factory=dict)
    """Further arguments of its class: `eps 1e-6 amsgrad True`; in a recipe `{eps: 1.0e-6, amsgrad: true}`."""
    lr0: float = 0.01
    """Learning rate after burn-in."""
    momentum: float = 0.937
    """Momentum of SGD, first beta of Adam."""
    weight_decay: float = 0.0005
    """Decay of convolution weights, of a step of nominal_batch_size pictures; smaller steps decay less."""
    clip_grad_norm: float = 0.0
    """Scale the gradients of a step down to this norm; 0: leave them."""
    nominal_batch_size: int = 64
    """Pictures an optimizer step, reached by accumulating batches."""
    least_steps: int = 2000
    """Accumulate less where the run would have fewer optimizer steps than this."""
    ema_decay: float = 0.9999
    """Largest decay of the averaged weights."""
    ema_share: float = 0.05
    """They average over no more than this share of the run; 0: over 1 / (1 - ema_decay) steps at any length."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Train a Darknet network on labelled pictures.

    Without --data, it trains a small network on pictures that it draws itself.
    """

    cfg: str = "yolov4-tiny"
    """Network: a .cfg file, or the name of a shipped one."""
    data: str = DEMO
    """Data set: a .data file, a VOC folder, or 'shapes' (drawn pictures)."""
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
    name: str = "train"
    """The run's folder below --project."""
    project: str = "runs"
    """Folder of all runs."""
    resume: str = ""
    """Go on with a run: its folder or its last.pt; without a value: the newest run below --project."""
    patience: int = 100
    """Stop after this many epochs without a better one; 0: never."""
    save_period: int = 0
    """Also keep a checkpoint of every so many epochs; 0: none."""
    checkpoint_minutes: float = 10.0
    """Save last.pt within an epoch too, when the last saving is this long ago."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    precision: PrecisionName = "auto"
    """Arithmetic of the forward pass; auto: bf16 or fp16 where the device is fast in it, else fp32."""
    deterministic: bool = False
    """Use only operations that give the same bits in every run on the same device; slower on GPUs."""
    workers: int = 2
    """Processes that read and augment pictures; 0: none beside the trainer."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    loss: LossName = "shape-match"
    """shape-match (anchors by shape, GIoU; [yolo] heads) or darknet (what the cfg's heads say; heads of all kinds)."""
    optimization: OptimizerSettings = field(default_factory=OptimizerSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    shape_match: LossSettings = field(default_factory=LossSettings)
    augment: Augment = field(default_factory=Augment)

    def __post_init__(self) -> None:
        require("--epochs", self.epochs, self.epochs >= 1, "1 or more")
        require("--batch-size", self.batch_size, self.batch_size >= 1, "1 or more")
        require("--img-size", self.img_size, self.img_size is None or self.img_size >= 32, "32 or more")
        require("--workers", self.workers, self.workers >= 0, "0 or more")
        require("--patience", self.patience, self.patience >= 0, "0 or more")
        require("--save-period", self.save_period, self.save_period >= 0, "0 or more")
        require("--checkpoint-minutes", self.checkpoint_minutes, self.checkpoint_minutes >= 0, "0 or more")
        require("--seed", self.seed, 0 <= self.seed < 2**32, "0 to 4294967295")
        check_optimization(self.optimization)
        check_policy(self.policy, self.epochs)
        for flag in ("cls_pw", "obj_pw"):
            weight = getattr(self.shape_match, flag)
            require(f"--{flag.replace('_', '-')}", weight, weight > 0, "a number above 0")
        require("--fl-gamma", self.shape_match.fl_gamma, self.shape_match.fl_gamma >= 0, "0 or more")


def require(flag: str, value: object, holds: bool, allowed: str) -> None:
    """Raise a `SettingsError` unless a setting holds."""
    if not holds:
        raise SettingsError(f"{flag} {value}: use {allowed}")


def check_optimization(chosen: OptimizerSettings) -> None:
    """Raise a `SettingsError` for values that no optimizer can have."""
    check_arguments(chosen.optimizer, chosen.optimizer_args)
    require("--lr0", chosen.lr0, chosen.lr0 > 0, "a number above 0")
    require("--momentum", chosen.momentum, 0 < chosen.momentum < 1, "a number between 0 and 1")
    require("--clip-grad-norm", chosen.clip_grad_norm, chosen.clip_grad_norm >= 0, "0 or more")
    require("--ema-decay", chosen.ema_decay, 0 <= chosen.ema_decay < 1, "0 or more, below 1")
    require("--ema-share", chosen.ema_share, 0 <= chosen.ema_share <= 1, "a share between 0 and 1")


def check_policy(policy: PolicySettings, epochs: int) -> None:
    """Raise a `SettingsError` for a schedule that cannot be followed."""
    require("--lrf", policy.lrf, 0 <= policy.lrf <= 1, "a share between 0 and 1")
    above = policy.lrf > 0 or policy.schedule != "exponential"
    require("--lrf", policy.lrf, above, "more than 0 with the schedule exponential, which never reaches 0")
    require("--lr-min", policy.lr_min, policy.lr_min >= 0, "0 or more")
    rising = all(0 <= share <= 1 for share in policy.lr_steps) and list(policy.lr_steps) == sorted(policy.lr_steps)
    require("--lr-steps", policy.lr_steps, rising, "rising shares of the run between 0 and 1")
    alike = len(policy.lr_steps) == len(policy.lr_scales)
    require("--lr-scales", policy.lr_scales, alike, f"one for each of --lr-steps {policy.lr_steps}")
    require("--lr-step", policy.lr_step, 0 < policy.lr_step <= 1, "a share above 0, up to 1")
    for name in ("lr_scale", "lr_power", "lr_steepness", "lr_cycle_mult"):
        value = getattr(policy, name)
        require(f"--{name.replace('_', '-')}", value, value > 0, "a number above 0")
    require("--lr-restarts", policy.lr_restarts, policy.lr_restarts >= 0, "0 or more")
    length = policy.burn_in_epochs
    require("--burn-in-epochs", length, length is None or 0 <= length <= epochs, f"0 to {epochs}, the run's epochs")
    batches = policy.burn_in_batches
    require("--burn-in-batches", batches, batches is None or batches >= 0, "0 or more")
    once = length is None or batches is None
    require("--burn-in-batches", batches, once, "either this or --burn-in-epochs")
    share = policy.burn_in_share
    require("--burn-in-share", share, 0 <= share <= 1, "a share between 0 and 1")
    allowed = policy.schedule == "cfg" or not policy.cfg_batches
    require("--cfg-batches", policy.cfg_batches, allowed, "it with --schedule cfg")


def read_train_settings(arguments: Sequence[str] | None = None) -> TrainSettings:
    """The settings of a command line (default: the program's own), over its recipe, over the defaults."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--hyp", default="")
    early.add_argument("--data")
    early.add_argument("--resume", nargs="?", const=NEWEST)
    early.add_argument("--project", default=TrainSettings.project)
    given, _ = early.parse_known_args(arguments)
    defaults = TrainSettings()
    if given.resume:
        run = find_run(given.resume, given.project)
        defaults = with_recipe(defaults, str(run / SETTINGS_FILE))
        arguments = _with_resume(arguments, run)
    if recipe := given.hyp or ("" if given.data or given.resume else DEMO):
        defaults = with_recipe(defaults, recipe)
    settings = tyro.cli(
        TrainSettings,
        prog="python -m yolo.train",
        args=arguments,
        default=defaults,
        config=(tyro.conf.OmitArgPrefixes,),
    )
    if given.resume:
        _log_changes(defaults, settings)
    return settings


def find_run(resume: str, project: str) -> Path:
    """The folder of a run that `--resume` names, or of the one that was written last.

    Raises:
        SettingsError: there is none.
    """
    if resume == NEWEST:
        found = sorted(Path(project).glob(f"*/{SETTINGS_FILE}"), key=lambda path: path.parent.stat().st_mtime)
        if not found:
            raise SettingsError(f"--resume: no run below --project {project}; give the folder of a run")
        return found[-1].parent
    path = Path(resume).expanduser()
    folder = path if path.is_dir() else path.parent
    if not path.exists() or not (folder / SETTINGS_FILE).is_file():
        raise SettingsError(f"--resume {resume}: no run is there; give a folder with {SETTINGS_FILE} and last.pt")
    return folder


def _with_resume(arguments: Sequence[str], run: Path) -> list[str]:
    """The arguments with `--resume RUN` in place of whatever named the run."""
    kept: list[str] = []
    for argument in arguments:
        follows = bool(kept) and kept[-1] == "--resume"
        if argument.startswith("--resume="):
            kept.append("--resume")
        elif not (follows and not argument.startswith("-")):
            kept.append(argument)
    at = kept.index("--resume") + 1
    return [*kept[:at], str(run), *kept[at:]]


def _log_changes(before: TrainSettings, after: TrainSettings) -> None:
    old, new = flat(before), flat(after)
    for name in (name for name in new if new[name] != old[name] and name != "resume"):
        logger.info("resumed with --%s %s, which was %s", name.replace("_", "-"), new[name], old[name])


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
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_checked(item, get_args(hint)[0], name, where) for item in value)
    if get_origin(hint) in (tuple, dict):
        kind = get_origin(hint)
        if isinstance(value, kind):
            return value
        raise SettingsError(f"{where(name)}: {name}: {value!r} is not a {'list' if kind is tuple else 'mapping'}")
    allowed = get_args(hint) or (hint,)
    if isinstance(value, bool) and bool not in allowed:
        pass
    elif isinstance(value, allowed):
        return value
    elif isinstance(value, int) and float in allowed:
        return float(value)
    kinds = " or ".join("nothing" if kind is type(None) else kind.__name__ for kind in allowed)
    raise SettingsError(f"{where(name)}: {name}: {value!r} is not of type {kinds}")


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
        values = flat(dataclasses.replace(settings, resume=""))
        temporary.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
