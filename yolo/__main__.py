"""`python -m yolo`: list the programs; `python -m yolo NAME ...`: run `python -m yolo.NAME ...`.

The installed command `yolo` is the same.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from typing import TYPE_CHECKING

from yolo import __version__
from yolo.config.program import run_program
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAMS = {
    "train": "train a network",
    "test": "score a trained network on a labelled data set",
    "detect": "detect objects in images, videos and streams",
    "export": "write a trained network for other runtimes (ONNX, TorchScript, ...)",
    "convert": "convert weights between .weights, .pt and .safetensors",
    "summary": "print the layers, shapes and parameters of a network",
    "anchors": "fit anchors to a data set",
    "cfg": "write network files, and add classes to trained networks",
    "weights": "list, download and verify published weights",
    "data": "convert, split and check data sets",
    "remote": "upload the folder of a run to an object store",
}
MODULES = {name: f"yolo.{name}.__main__" for name in ("data", "remote")}  # programs that are folders
NAME_WIDTH = max(map(len, PROGRAMS)) + 2


def main(arguments: Sequence[str]) -> int | None:
    """Print the list of programs, or run the one that the command line names.

    Raises:
        SettingsError: there is no such program.
    """
    name, *rest = arguments or ["--help"]
    if name in ("-h", "--help"):
        sys.stdout.write(format_programs())
    elif name == "--version":
        sys.stdout.write(f"yolo {__version__}\n")
    elif name in PROGRAMS:
        module = importlib.import_module(MODULES.get(name, f"yolo.{name}"))
        status: int | None = module.main(rest)
        return status
    else:
        near = difflib.get_close_matches(name, PROGRAMS)
        remedy = f"did you mean {' or '.join(near)}?" if near else f"use one of {', '.join(PROGRAMS)}"
        raise SettingsError(f"{name}: no such program; {remedy}")
    return None


def format_programs() -> str:
    """Return the help text: usage, and one line per program."""
    lines = [f"  {name:{NAME_WIDTH}}{description}" for name, description in PROGRAMS.items()]
    return "\n".join(
        [
            "usage: python -m yolo PROGRAM ...",
            "",
            *lines,
            "",
            "python -m yolo PROGRAM --help explains a program; --version prints the version.",
            "",
        ]
    )


def run() -> int:
    """Run `main`, and return the exit status; the `yolo` command."""
    return run_program(main)


if __name__ == "__main__":
    raise SystemExit(run())
