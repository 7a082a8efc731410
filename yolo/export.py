"""`python -m yolo.export`: export a trained network to files for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tyro

from yolo.config.export_settings import ExportSettings
from yolo.config.program import run_program
from yolo.exporting.run_export import run_export

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> None:
    """Read the command line and export."""
    run_export(tyro.cli(ExportSettings, args=arguments, prog="python -m yolo.export"))


if __name__ == "__main__":
    raise SystemExit(run_program(main))
