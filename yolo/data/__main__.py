"""`python -m yolo.data COMMAND`: what can be done with a data set on disk."""

from __future__ import annotations

import tyro

from yolo.data.check.command import Check, check
from yolo.data.convert import Convert, convert
from yolo.program import run

COMMANDS = {"convert": Convert, "check": Check}


def main() -> None:
    """Run the command that the command line names."""
    settings = tyro.extras.subcommand_cli_from_dict(COMMANDS, description=__doc__)
    if isinstance(settings, Check):
        check(settings)
    else:
        convert(settings)


if __name__ == "__main__":
    raise SystemExit(run(main))
