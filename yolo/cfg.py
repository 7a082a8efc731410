"""`python -m yolo.cfg new`: write a network file for a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tyro

from yolo.config.program import run_program
from yolo.dataset_tools.new_cfg import NewCfgSettings, write_new_cfg

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> None:
    """Read the command line and run the command that it names."""
    settings = tyro.extras.subcommand_cli_from_dict(
        {"new": NewCfgSettings}, args=arguments, prog="python -m yolo.cfg", description=__doc__
    )
    write_new_cfg(settings)


if __name__ == "__main__":
    raise SystemExit(run_program(main))
