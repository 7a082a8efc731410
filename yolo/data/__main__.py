"""`python -m yolo.data COMMAND`: what can be done with a data set on disk."""

from __future__ import annotations

import tyro

from yolo.data.convert import Convert, convert
from yolo.program import run


def main() -> None:
    """Run the command that the command line names."""
    convert(tyro.extras.subcommand_cli_from_dict({"convert": Convert}, description=__doc__))


if __name__ == "__main__":
    raise SystemExit(run(main))
