"""`python -m yolo.weights`: list, download and check published weights."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tyro

from yolo.checkpoints.published import PublishedWeights, find_weights, registry
from yolo.config.program import run_program
from yolo.errors import DownloadError, SettingsError
from yolo.log import progress
from yolo.remote.download import verify
from yolo.text_table import align_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADINGS = ("name", "MB", "cfg", "trained on", "AP", "AP50", "measured on", "score it on", "here")
RIGHT = {"MB", "AP", "AP50"}


@dataclass(frozen=True, kw_only=True)
class ListCommand:
    """Print all published weights that --weights accepts by name, and the paths of the downloaded ones."""


@dataclass(frozen=True, kw_only=True)
class GetCommand:
    """Download weights and print their paths."""

    names: tyro.conf.Positional[tuple[str, ...]]
    """Names from the list; a file is only checked to exist."""
    offline: bool = False
    """Do not use the network; YOLO_OFFLINE=1 does the same."""


@dataclass(frozen=True, kw_only=True)
class CheckCommand:
    """Compare downloaded weights with their published length and checksum."""


def main(arguments: Sequence[str]) -> None:
    """Run the command that the command line names."""
    command = tyro.extras.subcommand_cli_from_dict(
        {"list": ListCommand, "get": GetCommand, "check": CheckCommand},
        args=arguments,
        prog="python -m yolo.weights",
        description=__doc__,
    )
    if isinstance(command, GetCommand):
        get(command)
    elif isinstance(command, CheckCommand):
        check()
    else:
        sys.stdout.write(format_list())


def get(settings: GetCommand) -> None:
    """Download missing files, and print one path per line.

    Raises:
        YoloError: a name is unknown, or a download failed.
    """
    if not settings.names:
        raise SettingsError("get: give one or more names; `python -m yolo.weights list` lists them")
    for name in settings.names:
        sys.stdout.write(f"{find_weights(name, offline=settings.offline)}\n")


def check() -> None:
    """Print one line per downloaded file.

    Raises:
        DownloadError: a file is not the published one.
    """
    files = [(entry, path) for entry in registry().values() for path in entry.candidate_paths() if path.is_file()]
    wrong = 0
    for entry, path in progress(files, desc="check", unit="file"):
        try:
            verify(path, entry.num_bytes, entry.sha256)
            result = "as published" if entry.sha256 else "of the published length; no checksum is published"
        except DownloadError as error:
            wrong += 1
            result = f"not the published file: {error}"
        sys.stdout.write(f"{path}: {result}\n")
    if wrong:
        raise DownloadError(f"{wrong} of {len(files)} files are not as published; remove them to download them again")


def format_list() -> str:
    """Return the registry as a table."""
    rows = [HEADINGS, *(_cells(entry) for entry in registry().values())]
    left = [i for i, heading in enumerate(HEADINGS) if heading not in RIGHT]
    return "\n".join(align_columns(rows, left=left)) + "\n"


def _cells(entry: PublishedWeights) -> tuple[str, ...]:
    return (
        entry.name,
        f"{entry.num_bytes / 1e6:.0f}",
        entry.cfg,
        entry.trained_on,
        "-" if entry.ap is None else f"{entry.ap:.1f}",
        "-" if entry.ap50 is None else f"{entry.ap50:.1f}",
        entry.measured_on or "-",
        entry.score_on or "-",
        str(entry.find_local() or "-"),
    )


if __name__ == "__main__":
    raise SystemExit(run_program(main))
