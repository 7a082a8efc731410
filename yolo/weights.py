"""`python -m yolo.weights`: list, download and check published weights."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tyro

from yolo.checkpoints.published import find_weights, registry
from yolo.checkpoints.published_table import format_registry
from yolo.config.program import run_program
from yolo.errors import DownloadError, SettingsError
from yolo.log import progress
from yolo.remote.download import verify

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        sys.stdout.write(format_registry())


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


if __name__ == "__main__":
    raise SystemExit(run_program(main))
