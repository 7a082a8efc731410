"""Start and end of every program: logging, exit status and error messages."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from yolo.errors import OtherProcessError, YoloError
from yolo.log import set_up_logging
from yolo.system_errors import explain_system_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def run_program(main: Callable[[Sequence[str]], int | None], arguments: Sequence[str] | None = None) -> int:
    """Run a program and return its exit status: what `main` returns, or 0 for None.

    A `YoloError`, or what the operating system refuses, is printed as one line on stderr and gives status 2, an
    interrupt 130, and output that nobody reads any more 1. Any other exception is a bug and keeps its traceback.

    Args:
        main: the program; called with its command line.
        arguments: the command line; None: that of this process.
    """
    set_up_logging()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # class names may have letters that a terminal lacks
    try:
        with explain_system_errors():
            status = main(sys.argv[1:] if arguments is None else arguments) or 0
            sys.stdout.flush()  # while its errors are reported
            return status
    except OtherProcessError:
        return 2
    except YoloError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except BrokenPipeError:  # python -m yolo.summary | head
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    finally:
        _discard_unwritable_output()


def _discard_unwritable_output() -> None:
    """Keep Python from reporting a second time, as it ends, that the output cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
