"""`python -m yolo.remote FOLDER TARGET`: upload the files of a run that are missing in a store or differ there."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from yolo.config.program import run_program
from yolo.errors import StorageError
from yolo.remote.upload import Uploader

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger("yolo.remote")


@dataclass(frozen=True, kw_only=True)
class UploadSettings:
    """Upload the files of a folder that are missing in a store or differ there."""

    folder: tyro.conf.Positional[Path]
    """Local folder."""
    target: tyro.conf.Positional[str]
    """Folder in a store (s3://bucket/folder, gs://..., obs://...), or another local folder."""


def main(arguments: Sequence[str]) -> None:
    """Read the command line and upload."""
    settings = tyro.cli(UploadSettings, args=arguments, prog="python -m yolo.remote")
    if not settings.folder.is_dir():
        raise StorageError(f"{settings.folder}: no such folder; give the folder of a run")
    if not Uploader(settings.folder, settings.target).finish():
        raise StorageError(f"{settings.target}: some files were not uploaded; run this again")
    logger.info("%s: uploaded to %s", settings.folder, settings.target)


if __name__ == "__main__":
    raise SystemExit(run_program(main))
