"""Folders of runs: where they lie locally if their project is a URL, and how a run is fetched from its store."""

from __future__ import annotations

import itertools
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from yolo.config.run_settings import RUNS
from yolo.errors import SettingsError, StorageError
from yolo.remote.fetch import fetch_folder
from yolo.remote.open_store import open_store
from yolo.remote.store import file_md5
from yolo.storage import atomic_folder
from yolo.urls import is_url, join_url, split_url, to_path, to_relative_path, url_scheme, without_scheme

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKPOINT = "last.pt"


def local_project(project: str) -> Path:
    """Return the local folder of a project: `runs/s3/bucket/folder` for `s3://bucket/folder`."""
    if not is_url(project):
        return to_path(project)
    return Path(RUNS, url_scheme(project), to_relative_path(without_scheme(project), project))


def resume_argument(folder: Path, project: str) -> str:
    """Return what `--resume` needs to find a run: its URL if its project has one, else its folder."""
    return join_url(project, folder.name) if is_url(project) else str(folder)


def run_url(url: str) -> str:
    """Return the URL of a run, given that URL or the URL of a checkpoint in it."""
    return split_url(url)[0] if PurePosixPath(url).suffix == ".pt" else url.rstrip("/")


def newest_run(project: str, settings_file: str) -> str:
    """Return the URL of the run of a project that was written last.

    Raises:
        StorageError: the project has no run.
    """
    files = open_store(project).list_files(project)
    runs = {name.split("/")[0] for name in files if name.count("/") == 1 and name.endswith(f"/{settings_file}")}
    times = {run: max(f.modified for name, f in files.items() if name.startswith(f"{run}/")) for run in runs}
    if not times:
        raise StorageError(f"--resume: no run in --project {project}; give the URL of a run")
    return join_url(project, max(times, key=lambda run: times[run]))


def fetch_run(url: str) -> Path:
    """Fetch a run from its store into its local folder, and return that folder.

    Raises:
        StorageError: the run does not exist, or the local folder has a checkpoint that was never uploaded.
    """
    project, name = split_url(url)
    folder = local_project(project) / name
    checkpoint = folder / CHECKPOINT
    if checkpoint.is_file():
        there = open_store(url).stat(join_url(url, CHECKPOINT))
        same = there is not None and there.md5 == file_md5(checkpoint)
        if not same and (there is None or checkpoint.stat().st_mtime > there.modified):
            newer = f"{folder} has a newer {CHECKPOINT} that was never uploaded"
            raise StorageError(f"--resume {url}: {newer}; use --resume {folder}, or remove that folder")
    fetch_folder(url, folder)
    return folder


def new_run_folder(project: str, name: str, fill: Callable[[Path], None] = lambda folder: None) -> Path:
    """Create PROJECT/NAME, or the first of NAME-2, NAME-3, ... that is free; it appears with its first files in it.

    Args:
        project: folder or URL of the project; for a URL, the name must be free in the store and locally.
        name: name of the run.
        fill: writes the first files into a folder.
    """
    for count in itertools.count(1):
        numbered_name = name if count == 1 else f"{name}-{count}"
        target = local_project(project) / numbered_name
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            continue
        if is_url(project) and open_store(project).list_files(join_url(project, numbered_name)):
            continue
        try:
            with atomic_folder(target) as folder:
                fill(folder)
        except OSError as error:
            if not (target.is_dir() and any(target.iterdir())):  # otherwise another run has just taken the name
                raise SettingsError(f"--project {project}: cannot create {target}: {error.strerror}") from error
        else:
            return target
    raise AssertionError
