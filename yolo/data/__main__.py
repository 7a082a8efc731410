"""`python -m yolo.data COMMAND`: check, convert or split a data set, or find labels that a network disagrees with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tyro

from yolo.config.program import run_program
from yolo.dataset_tools.check.check_dataset import CheckSettings, check_dataset
from yolo.dataset_tools.convert_dataset import ConvertDatasetSettings, convert_dataset
from yolo.dataset_tools.split_dataset import SplitDatasetSettings, split_dataset
from yolo.evaluation.suspects.list_suspects import SuspectsSettings, list_suspects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMANDS: dict[str, tuple[type, Callable[[Any], int | None]]] = {
    "convert": (ConvertDatasetSettings, convert_dataset),
    "split": (SplitDatasetSettings, split_dataset),
    "check": (CheckSettings, check_dataset),
    "suspects": (SuspectsSettings, list_suspects),
}


def main(arguments: Sequence[str]) -> int | None:
    """Run the command that the command line names, and return its exit status."""
    kinds: dict[str, Callable[..., Any]] = {name: kind for name, (kind, _) in COMMANDS.items()}
    settings = tyro.extras.subcommand_cli_from_dict(
        kinds, args=arguments, prog="python -m yolo.data", description=__doc__
    )
    return next(command for kind, command in COMMANDS.values() if type(settings) is kind)(settings)


if __name__ == "__main__":
    raise SystemExit(run_program(main))
