"""`python -m yolo`: list the programs; `python -m yolo NAME ...`: run `python -m yolo.NAME ...`.

The installed command `yolo` is the same.
"""

from __future__ import annotations

import difflib
import runpy
import sys

from yolo import __version__
from yolo.config.program import run_program
from yolo.errors import SettingsError

PROGRAMS = {
    "train": "train a network",
    "test": "score a trained network on a labelled data set",
    "detect": "detect objects in images, videos and streams",
    "export": "write a trained network for other runtimes (ONNX, TorchScript, ...)",
    "convert": "convert weights between .weights, .pt and .safetensors",
    "summary": "print the layers, shapes and parameters of a network",
    "anchors": "fit anchors to a data set",
    "cfg": "write a network file for a data set",
    "weights": "list, download and verify published weights",
    "data": "convert, split and check data sets",
    "remote": "upload the folder of a run to an object store",
}
NAME_WIDTH = max(map(len, PROGRAMS)) + 2


def main() -> None:
    """Print the list of programs, or run the one that the command line names.

    Raises:
        SettingsError: there is no such program.
    """
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        sys.stdout.write(format_programs())
    elif name == "--version":
        sys.stdout.write(f"yolo {__version__}\n")
    elif name in PROGRAMS:
        sys.argv = [sys.argv[0], *arguments]
        runpy.run_module(f"yolo.{name}", run_name="__main__", alter_sys=True)
    else:
        near = difflib.get_close_matches(name, PROGRAMS)
        remedy = f"did you mean {' or '.join(near)}?" if near else f"use one of {', '.join(PROGRAMS)}"
        raise SettingsError(f"{name}: no such program; {remedy}")


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
