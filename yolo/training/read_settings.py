"""The command line of training: flags over a recipe file, over the defaults; and the run that is resumed.

A run's resolved settings are written to its folder as `settings.yaml`, which is itself a recipe:
`--hyp runs/train/settings.yaml` repeats the run.
"""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from yolo import distributed
from yolo.checkpoints.published import published
from yolo.config.command_line import parse
from yolo.config.recipe import flat, with_recipe
from yolo.config.train_settings import DEMO, TrainSettings
from yolo.errors import SettingsError
from yolo.remote.fetch import fetch_file, local_path
from yolo.remote.runs import fetch_run, local_project, newest_run, run_of
from yolo.remote.stores import open_store
from yolo.urls import is_url, join, split

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

NEWEST = "newest"  # what --resume without a value means
SETTINGS_FILE = "settings.yaml"
JOB_FILE = "job"  # what a run knows itself by when its launcher starts it again
SHORT = {"--adam": ("--optimizer", "adam"), "--cache-images": ("--cache", "ram")}  # flags of older trainers
EXAMPLES = """
examples:
  python -m yolo.train --data mine.data --cfg yolov4-tiny --weights yolov4-tiny.conv.29 --epochs 100
  python -m yolo.train --data mine.data --hyp mine.yaml --img-size 320 640 640 --batch-size 16 --adam --cache-images
  python -m yolo.train --resume runs/train
  python -m yolo.train --data s3://bucket/set/data.yaml --project s3://bucket/runs

Sizes are in pixels, learning rates per step, gains and probabilities without unit. A setting comes from the command
line, else from --hyp, else it is the default shown here; a recipe has the same names with _ for -.
"""


def read_train_settings(arguments: Sequence[str] | None = None) -> TrainSettings:
    """The settings of a command line (default: the program's own), over its recipe, over the defaults."""
    given_arguments = sys.argv[1:] if arguments is None else arguments
    arguments = [part for argument in given_arguments for part in SHORT.get(argument, (argument,))]
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--hyp", default="")
    early.add_argument("--data")
    early.add_argument("--weights", default="")
    early.add_argument("--resume", nargs="?", const=NEWEST)
    early.add_argument("--project", default=TrainSettings.project)
    given, _ = early.parse_known_args(arguments)
    defaults = TrainSettings()
    if given.resume:
        run, origin = find_run(given.resume, given.project)
        defaults = with_recipe(defaults, str(run / SETTINGS_FILE))
        if origin:
            project, name = split(origin)
            defaults = replace(defaults, project=project, name=name)
        arguments = _with_resume(arguments, run)
    demo = not (given.data or given.resume or {"-h", "--help"} & set(arguments))
    if demo and not given.hyp:
        defaults = with_recipe(defaults, DEMO)
    if entry := published(given.weights):
        defaults = replace(defaults, cfg=entry.cfg)
    if given.hyp:
        defaults = with_recipe(defaults, str(local_path(given.hyp)))
    settings = _parse(arguments, defaults)
    if given.resume:
        _log_changes(defaults, settings)
    elif interrupted := _run_of_job(settings.project):
        logger.info("started again by its launcher: goes on with %s", interrupted)
        return read_train_settings([*arguments, "--resume", interrupted])
    return settings


def _run_of_job(project: str) -> str:
    """The run that this very command of this very job began before it was started again; empty: none."""
    job = distributed.job()
    if not job:
        return ""
    for path in local_project(project).glob(f"*/{JOB_FILE}"):
        if path.read_text(encoding="utf-8") == job:
            return str(path.parent)
    names = open_store(project).files(project) if is_url(project) else {}
    for name in names:  # another machine began it
        if name.endswith(f"/{JOB_FILE}") and fetch_file(join(project, name)).read_text(encoding="utf-8") == job:
            return join(project, name.removesuffix(f"/{JOB_FILE}"))
    return ""


def _parse(arguments: Sequence[str], defaults: TrainSettings) -> TrainSettings:
    try:
        return parse(TrainSettings, "yolo.train", arguments, defaults)
    except SystemExit as end:
        if not end.code:  # --help
            sys.stdout.write(EXAMPLES)
        raise


def find_run(resume: str, project: str) -> tuple[Path, str]:
    """The folder of a run that `--resume` names, or of the one that was written last.

    Returns:
        The folder, and the URL that it was fetched from; empty: it lies here.

    Raises:
        YoloError: there is none, or it cannot be fetched.
    """
    if is_url(resume) or (resume == NEWEST and is_url(project)):
        url = newest_run(project, SETTINGS_FILE) if resume == NEWEST else run_of(resume)
        return fetch_run(url), url
    if resume == NEWEST:
        found = sorted(Path(project).glob(f"*/{SETTINGS_FILE}"), key=lambda path: path.parent.stat().st_mtime)
        if not found:
            raise SettingsError(f"--resume: no run below --project {project}; give the folder of a run")
        return found[-1].parent, ""
    path = Path(resume).expanduser()
    folder = path if path.is_dir() else path.parent
    if not path.exists() or not (folder / SETTINGS_FILE).is_file():
        raise SettingsError(f"--resume {resume}: no run is there; give a folder with {SETTINGS_FILE} and last.pt")
    return folder, ""


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
