"""Logging to stderr that does not break tqdm progress bars."""

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
    """Return a progress bar on stderr that disappears when done; drawn on rank 0 only.

    Args:
        iterable: the items; None: the caller counts with `update`.
        desc: title of the bar.
        options: options of tqdm; `delay=1` shows no bar in the first second.
    """
    is_silent = not logging.getLogger("yolo").isEnabledFor(logging.WARNING)  # true on all ranks except 0
    return tqdm(iterable, desc, **{"leave": False, "dynamic_ncols": True, "disable": is_silent, **options})


class TqdmHandler(logging.Handler):
    """Writes a record above the progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


class Formatter(logging.Formatter):
    """Formats an info record as plain text, others as `warning: ...`."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno <= logging.INFO else f"{record.levelname.lower()}: {text}"


def set_up_logging() -> None:
    """Send the log of the package to stderr; called by programs, never by the library."""
    logger = logging.getLogger("yolo")
    if not logger.handlers:
        handler = TqdmHandler()
        handler.setFormatter(Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
