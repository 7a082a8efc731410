"""`python -m yolo.data COMMAND`: what can be done with a data set on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tyro

from yolo.data.check.command import CheckSettings, check
from yolo.data.convert import Convert, convert
from yolo.program import run

COMMANDS: dict[str, Callable[..., Any]] = {"convert": Convert, "check": CheckSettings}


def main() -> None:
    """Run the command that the command line names."""
    settings = tyro.extras.subcommand_cli_from_dict(COMMANDS, description=__doc__)
    if isinstance(settings, CheckSettings):
        check(settings)
    else:
        convert(settings)


if __name__ == "__main__":
    raise SystemExit(run(main))
