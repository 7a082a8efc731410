"""The settings of a training run: flags over a recipe file, over the settings of the resumed run, over the defaults.

The resolved settings of a run are written to its folder as `settings.yaml`, which is itself a recipe:
`--hyp runs/train/settings.yaml` repeats the run.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING

from yolo.checkpoints.published import find_published
from yolo.config.command_line import parse_command_line
from yolo.config.recipe import flatten_settings, with_recipe, with_values
from yolo.config.run_settings import RUNS
from yolo.config.train_settings import DEMO, TrainSettings
from yolo.errors import SettingsError
from yolo.remote.fetch import local_path
from yolo.training.run_folder import NEWEST, SETTINGS_FILE, find_run, run_of_this_job
from yolo.urls import split_url

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

ALIASES = {  # flags of older trainers, and earlier names of ours
    "--adam": ("--optimizer", "adam"),
    "--cache-images": ("--cache", "ram"),
    "--picture-period": ("--preview-period",),
    "--least-steps": ("--min-steps",),
}
FIXED = ("cfg", "weights", "optimizer", "optimizer_args")  # last.pt has them
IDENTITY = ("resume", "project", "name")  # what finds the run
EXAMPLES = """
examples:
  python -m yolo.train --data mine.data --cfg yolov4-tiny --weights yolov4-tiny.conv.29 --epochs 100
  python -m yolo.train --data mine.data --hyp mine.yaml --img-size 320 640 640 --batch-size 16 --adam --cache-images
  python -m yolo.train --resume runs/train
  python -m yolo.train --data s3://bucket/set/data.yaml --project s3://bucket/runs

Sizes are in pixels, learning rates per step, gains and probabilities without unit. A setting comes from the command
line, else from --hyp, else it is the default shown here; a recipe has the same names with _ for -.
"""


def read_train_settings(arguments: Sequence[str]) -> TrainSettings:
    """Read the settings of a command line.

    Raises:
        YoloError: a recipe, run or value that cannot be used.
        SystemExit: help was asked for, or a flag is unknown.
    """
    arguments = [part for argument in arguments for part in ALIASES.get(argument, (argument,))]
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--hyp", default="")
    early.add_argument("--data")
    early.add_argument("--weights", default="")
    early.add_argument("--resume", nargs="?", const=NEWEST)
    early.add_argument("--project", default=RUNS)
    given, _ = early.parse_known_args(arguments)
    defaults = saved = TrainSettings()
    if given.resume:
        run, origin = find_run(given.resume, given.project)
        defaults = saved = with_recipe(defaults, str(run / SETTINGS_FILE))
        if origin:
            defaults = with_values(defaults, dict(zip(("project", "name"), split_url(origin), strict=True)))
        arguments = _with_resume(arguments, run)
    is_demo = not (given.data or given.resume or {"-h", "--help"} & set(arguments))
    if is_demo and not given.hyp:
        defaults = with_recipe(defaults, DEMO)
    if entry := find_published(given.weights):
        defaults = with_values(defaults, {"cfg": entry.cfg})
    if given.hyp:
        defaults = with_recipe(defaults, str(local_path(given.hyp)))
    settings = _parse(arguments, defaults)
    if given.resume:
        _check_changes(saved, settings)
    elif interrupted := run_of_this_job(settings.run.project):
        logger.info("restarted by its launcher: resuming %s", interrupted)
        return read_train_settings([*arguments, "--resume", interrupted])
    return settings


def _parse(arguments: Sequence[str], defaults: TrainSettings) -> TrainSettings:
    try:
        return parse_command_line(TrainSettings, "yolo.train", arguments, defaults)
    except SystemExit as end:
        if not end.code:  # --help
            sys.stdout.write(EXAMPLES)
        raise


def _with_resume(arguments: Sequence[str], run: Path) -> list[str]:
    """Return the arguments with `--resume RUN` in place of whatever named the run."""
    kept: list[str] = []
    for argument in arguments:
        follows = bool(kept) and kept[-1] == "--resume"
        if argument.startswith("--resume="):
            kept.append("--resume")
        elif not (follows and not argument.startswith("-")):
            kept.append(argument)
    at = kept.index("--resume") + 1
    return [*kept[:at], str(run), *kept[at:]]


def _check_changes(before: TrainSettings, after: TrainSettings) -> None:
    """Log the settings of a resumed run that are not those of its start.

    Raises:
        SettingsError: the checkpoint has one that cannot change.
    """
    old, new = flatten_settings(before), flatten_settings(after)
    for name in (name for name in new if new[name] != old[name] and name not in IDENTITY):
        flag = f"--{name.replace('_', '-')} {new[name]}"
        if name in FIXED and new[name] != "auto":  # settings.yaml has what auto chose
            raise SettingsError(
                f"--resume with {flag}: the run has {old[name] or 'none'}, which cannot change; leave it out, or "
                f"start a new run with --weights {after.run.resume}/last.pt"
            )
        logger.info("resumed with %s, which was %s", flag, old[name])
