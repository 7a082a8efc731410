"""Where messages go: stderr, through tqdm, so that they do not break a progress bar."""

from __future__ import annotations

import logging
import sys

from tqdm import tqdm


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
