"""`python -m yolo.summary`: show a network file as a table of layers."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from yolo.config.program import run_program
from yolo.darknet.cfg_file import CfgFile
from yolo.errors import require_img_size
from yolo.model.network_summary import summarize
from yolo.model.summary_table import format_network
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class SummarySettings:
    """Show each layer's shape, parameters, operations and receptive field, and the totals of a network."""

    cfg: tyro.conf.Positional[str]
    """Network file, or the name of a shipped one."""
    img_size: int | None = None
    """Side of the network input, pixels; default: the cfg's width and height."""
    json: str | None = None
    """Write every number to this file."""

    def __post_init__(self) -> None:
        require_img_size(self.img_size)


def main(arguments: Sequence[str]) -> None:
    """Read the command line and print the summary."""
    settings = tyro.cli(SummarySettings, args=arguments, prog="python -m yolo.summary")
    summary = summarize(CfgFile.read(settings.cfg), settings.img_size)
    sys.stdout.write("\n".join(format_network(summary)) + "\n")
    if settings.json:
        with atomic_path(Path(settings.json).expanduser()) as temporary:
            temporary.write_text(json.dumps(summary.as_json(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(run_program(main))
