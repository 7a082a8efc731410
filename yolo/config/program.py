"""Start and end of every program: logging, exit status and error messages."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from yolo.errors import OtherProcessError, YoloError
from yolo.log import set_up_logging

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def run_program(main: Callable[[Sequence[str]], int | None], arguments: Sequence[str] | None = None) -> int:
    """Run a program and return its exit status: what `main` returns, or 0 for None.

    A `YoloError` is printed as one line on stderr and gives status 2; an interrupt gives status 130. Any other
    exception is a bug and keeps its traceback.

    Args:
        main: the program; called with its command line.
        arguments: the command line; None: that of this process.
    """
    set_up_logging()
    try:
        return main(sys.argv[1:] if arguments is None else arguments) or 0
    except OtherProcessError:
        return 2
    except YoloError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
