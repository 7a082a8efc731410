"""`python -m yolo.data COMMAND`: what can be done with a data set on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tyro

from yolo.config.program import run_program
from yolo.dataset_tools.check.check_dataset import CheckSettings, check
from yolo.dataset_tools.convert_dataset import Convert, convert
from yolo.dataset_tools.split_dataset import Split, split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMANDS: dict[str, tuple[type, Callable[[Any], None]]] = {
    "convert": (Convert, convert),
    "split": (Split, split),
    "check": (CheckSettings, check),
}


def main(arguments: Sequence[str]) -> None:
    """Run the command that the command line names."""
    kinds: dict[str, Callable[..., Any]] = {name: kind for name, (kind, _) in COMMANDS.items()}
    settings = tyro.extras.subcommand_cli_from_dict(
        kinds, args=arguments, prog="python -m yolo.data", description=__doc__
    )
    next(command for kind, command in COMMANDS.values() if type(settings) is kind)(settings)


if __name__ == "__main__":
    raise SystemExit(run_program(main))
