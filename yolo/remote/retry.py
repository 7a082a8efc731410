"""Retry calls over an unreliable network, with growing pauses."""

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

PAUSES_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # before each further attempt, about a minute in total
NUM_SILENT = 3  # failed attempts before a warning is logged
JITTER = 0.25  # relative random change of pauses, so that many machines do not retry at the same instant


def with_retries(
    call: Callable[[], Result],
    failure: str,
    *,
    errors: tuple[type[BaseException], ...],
    is_permanent: Callable[[BaseException], bool],
    pauses_s: Sequence[float] = PAUSES_S,
) -> Result:
    """Return the result of a call, repeated after errors that may pass.

    Args:
        call: the call.
        failure: what to report if it fails: `s3://bucket/a: cannot be read`.
        errors: exceptions of the network and of the store.
        is_permanent: exception -> True if a further attempt would fail too.
        pauses_s: seconds before each further attempt.

    Raises:
        StorageError: a permanent error, or the attempt after the last pause failed.
    """
    rng = random.Random()  # not the global generator, which training draws from
    for attempt, pause in enumerate([*pauses_s, None], start=1):
        try:
            return call()
        except errors as error:  # noqa: PERF203 (network calls dominate)
            if is_permanent(error):
                raise StorageError(f"{failure}: {reason(error)}") from error
            if pause is None:
                count = f", {attempt} times in a row" if attempt > 1 else ""
                raise StorageError(f"{failure}{count}: {reason(error)}") from error
            if attempt > NUM_SILENT:
                logger.warning("%s: %s; next attempt in %.0f s", failure, reason(error), pause)
            sleep(pause * rng.uniform(1 - JITTER, 1 + JITTER))
    raise AssertionError


def reason(error: BaseException) -> str:
    """Return the first line of an error's message, or its type."""
    text = str(getattr(error, "strerror", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
