"""`python -m yolo.weights`: published weights: list them, fetch them, check those that are here."""

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
class List:
    """Print all published weights that --weights knows by name, and where those lie that are here."""


@dataclass(frozen=True, kw_only=True)
class Get:
    """Fetch weights, and print where they are."""

    names: tyro.conf.Positional[tuple[str, ...]]
    """Names from the list; or files, which are only looked for."""
    offline: bool = False
    """Never touch the network; YOLO_OFFLINE=1 says so too."""


@dataclass(frozen=True, kw_only=True)
class CheckWeights:
    """Compare the weights that are here with their published length and checksum."""


def main(arguments: Sequence[str]) -> None:
    """Run the command that the command line names."""
    command = tyro.extras.subcommand_cli_from_dict(
        {"list": List, "get": Get, "check": CheckWeights},
        args=arguments,
        prog="python -m yolo.weights",
        description=__doc__,
    )
    if isinstance(command, Get):
        get(command)
    elif isinstance(command, CheckWeights):
        check()
    else:
        sys.stdout.write(format_list())


def get(settings: Get) -> None:
    """Fetch what is not here, and print a path a line.

    Raises:
        YoloError: an unknown name, or what cannot be fetched.
    """
    if not settings.names:
        raise SettingsError("get: give one or more names; `python -m yolo.weights list` lists them")
    for name in settings.names:
        sys.stdout.write(f"{find_weights(name, offline=settings.offline)}\n")


def check() -> None:
    """Print a line a file that is here.

    Raises:
        DownloadError: a file is not the published one.
    """
    files = [(entry, path) for entry in registry().values() for path in entry.candidate_paths() if path.is_file()]
    wrong = 0
    for entry, path in progress(files, desc="check", unit="file"):
        try:
            verify(path, entry.num_bytes, entry.sha256)
            said = "as published" if entry.sha256 else "of the published length; no checksum is published"
        except DownloadError as error:
            wrong += 1
            said = f"not the published file: {error}"
        sys.stdout.write(f"{path}: {said}\n")
    if wrong:
        raise DownloadError(
            f"{wrong} of {len(files)} files are not as published; remove them to have them fetched anew"
        )


def format_list() -> str:
    """The registry as a table."""
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
