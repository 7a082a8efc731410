"""`python -m yolo.detect`: detect objects in images, videos and streams; write drawings, JSON and label files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tyro

from yolo.config.detect_settings import DetectSettings
from yolo.config.program import run_program
from yolo.inference.run_detection import run_detection

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> None:
    """Read the command line and detect."""
    options = (tyro.conf.OmitArgPrefixes,)
    run_detection(tyro.cli(DetectSettings, args=arguments, prog="python -m yolo.detect", config=options))


if __name__ == "__main__":
    raise SystemExit(run_program(main))
