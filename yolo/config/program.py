"""How every program starts and ends: messages, exit status, and errors that are for people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from yolo.errors import ElsewhereError, YoloError
from yolo.log import set_up_logging

if TYPE_CHECKING:
    from collections.abc import Callable


def run_program(main: Callable[[], int | None]) -> int:
    """Run a program's `main` and give its exit status: what it returns, 0 for nothing.

    A user's mistake is one line on stderr and status 2; an interrupt is status 130. Anything else keeps its
    traceback: it is ours.
    """
    set_up_logging()
    try:
        return main() or 0
    except ElsewhereError:
        return 2
    except YoloError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
