"""Where messages go: stderr, through tqdm, so that they do not break a progress bar."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable

Item = TypeVar("Item")


@overload
def progress(iterable: Iterable[Item], /, desc: str = "", **options: Any) -> tqdm[Item]: ...


@overload
def progress(iterable: None = None, /, desc: str = "", **options: Any) -> tqdm[NoReturn]: ...


def progress(iterable: Iterable[Any] | None = None, /, desc: str = "", **options: Any) -> tqdm[Any]:
    """A progress bar on stderr, gone when done; drawn on rank 0 alone.

    Args:
        iterable: what to go through; None: the caller counts with `update`.
        desc: what is done.
        options: of tqdm; `delay=1` hides the bar of what ends within a second.
    """
    quiet = not logging.getLogger("yolo").isEnabledFor(logging.WARNING)  # as on all ranks except 0
    return tqdm(iterable, desc, **{"leave": False, "dynamic_ncols": True, "disable": quiet, **options})


class TqdmHandler(logging.Handler):
    """Writes a record above whatever bar is being drawn."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


class Formatter(logging.Formatter):
    """Plain text for news, `warning: ...` for what needs attention."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno <= logging.INFO else f"{record.levelname.lower()}: {text}"


def set_up_logging() -> None:
    """Send the package's messages to stderr; called by programs, never by the library."""
    logger = logging.getLogger("yolo")
    if not logger.handlers:
        handler = TqdmHandler()
        handler.setFormatter(Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
