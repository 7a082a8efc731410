"""`python -m yolo.cfg COMMAND`: write a network file for a data set, or add classes to a trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tyro

from yolo.checkpoints.add_class import AddClassSettings, add_classes
from yolo.config.program import run_program
from yolo.dataset_tools.new_cfg import NewCfgSettings, write_new_cfg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def main(arguments: Sequence[str]) -> None:
    """Read the command line and run the command that it names."""
    kinds: dict[str, Callable[..., Any]] = {"new": NewCfgSettings, "add-class": AddClassSettings}
    settings = tyro.extras.subcommand_cli_from_dict(
        kinds, args=arguments, prog="python -m yolo.cfg", description=__doc__
    )
    if isinstance(settings, AddClassSettings):
        add_classes(settings)
    else:
        write_new_cfg(settings)


if __name__ == "__main__":
    raise SystemExit(run_program(main))
