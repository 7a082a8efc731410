"""Runs whose project is a URL: their folders on this machine, and how they come back from their store."""

from __future__ import annotations

import itertools
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from yolo.config.run_settings import RUNS
from yolo.errors import SettingsError, StorageError
from yolo.storage import atomic_folder

if TYPE_CHECKING:
    from collections.abc import Callable

from yolo.remote.fetch import fetch_folder
from yolo.remote.fsspec_store import file_md5
from yolo.remote.stores import open_store
from yolo.urls import checked_name, is_url, join, path_of, scheme_of, split, without_scheme

CHECKPOINT = "last.pt"


def local_project(project: str) -> Path:
    """The folder that runs of a project are written in: `runs/s3/bucket/folder` for `s3://bucket/folder`."""
    if not is_url(project):
        return path_of(project)
    return Path(RUNS, scheme_of(project), checked_name(without_scheme(project), project))


def name_of(folder: Path, project: str) -> str:
    """What `--resume` takes for a run on any machine: its URL where its project has one."""
    return join(project, folder.name) if is_url(project) else str(folder)


def run_of(url: str) -> str:
    """The URL of a run, from itself or from that of its checkpoint."""
    return split(url)[0] if PurePosixPath(url).suffix == ".pt" else url.rstrip("/")


def newest_run(project: str, settings_file: str) -> str:
    """The URL of the run of a project whose files were written last.

    Raises:
        StorageError: it has none.
    """
    files = open_store(project).files(project)
    runs = {name.split("/")[0] for name in files if name.count("/") == 1 and name.endswith(f"/{settings_file}")}
    times = {run: max(f.modified for name, f in files.items() if name.startswith(f"{run}/")) for run in runs}
    if not times:
        raise StorageError(f"--resume: no run in --project {project}; give the URL of a run")
    return join(project, max(times, key=lambda run: times[run]))


def fetch_run(url: str) -> Path:
    """Bring a run from its store to its folder here, from which it can go on.

    Raises:
        StorageError: there is none, or the folder here has a checkpoint that never came to the store.
    """
    project, name = split(url)
    folder = local_project(project) / name
    checkpoint = folder / CHECKPOINT
    if checkpoint.is_file():
        there = open_store(url).look(join(url, CHECKPOINT))
        same = there is not None and there.md5 == file_md5(checkpoint)
        if not same and (there is None or checkpoint.stat().st_mtime > there.modified):
            newer = f"{folder} holds a later {CHECKPOINT}, which was never uploaded"
            raise StorageError(f"--resume {url}: {newer}; go on with --resume {folder}, or remove it")
    fetch_folder(url, folder)
    return folder


def new_run_folder(project: str, name: str, fill: Callable[[Path], None] = lambda folder: None) -> Path:
    """Make runs/NAME, or the first of NAME-2, NAME-3, ... that is free or empty; it appears with its first files in it.

    Args:
        project: the folder of all runs; of a URL, `yolo.remote.runs.local_project` of it, where both are free.
        name: of the run.
        fill: writes the first files into a folder.
    """
    for count in itertools.count(1):
        own_name = name if count == 1 else f"{name}-{count}"
        target = local_project(project) / own_name
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            continue
        if is_url(project) and open_store(project).files(join(project, own_name)):
            continue
        try:
            with atomic_folder(target) as folder:
                fill(folder)
        except OSError as error:
            if not (target.is_dir() and any(target.iterdir())):  # else another run took the name just now
                raise SettingsError(f"--project {project}: cannot make {target}: {error.strerror}") from error
        else:
            return target
    raise AssertionError
