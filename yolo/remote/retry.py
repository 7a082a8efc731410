"""Calls of a network that fails now and then: again, after pauses that grow."""

from __future__ import annotations

import logging
import random
from time import sleep
from typing import TYPE_CHECKING, TypeVar

from yolo.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

PAUSES_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # before each further attempt: a minute in all
SILENT = 4  # attempts that may fail before it is said
SPREAD = 0.25  # by which share pauses differ, so that many machines do not come back at the same instant


def with_retries(
    call: Callable[[], Result],
    what: str,
    *,
    faults: tuple[type[BaseException], ...],
    is_hopeless: Callable[[BaseException], bool],
    pauses_s: Sequence[float] = PAUSES_S,
) -> Result:
    """The result of a call that may fail.

    Args:
        call: is made again after each fault.
        what: it does, for messages: `s3://bucket/a: cannot be read`.
        faults: errors of the network, of the store, and of what was asked.
        is_hopeless: tells those of the last kind, which do not pass.
        pauses_s: seconds before each further attempt.

    Raises:
        StorageError: a fault that does not pass, or one after the last pause.
    """
    chance = random.Random()  # not the global one, which the run's numbers come from
    for attempt, pause in enumerate([*pauses_s, None], start=1):
        try:
            return call()
        except faults as error:  # noqa: PERF203 (it waits for a network)
            if is_hopeless(error):
                raise StorageError(f"{what}: {reason(error)}") from error
            if pause is None:
                raise StorageError(f"{what}, {attempt} times in a row: {reason(error)}") from error
            if attempt >= SILENT:
                logger.warning("%s: %s; the next attempt follows in %.0f s", what, reason(error), pause)
            sleep(pause * chance.uniform(1 - SPREAD, 1 + SPREAD))
    raise AssertionError


def reason(error: BaseException) -> str:
    """What an error says, in a line."""
    text = str(getattr(error, "strerror", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
