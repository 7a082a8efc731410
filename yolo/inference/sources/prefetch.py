"""Produce the next items of a generator in a thread while the caller uses the last one."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")

_PUT_TIMEOUT_S = 0.1  # how soon the thread notices that the consumer has stopped


class _End:
    """Marks the end of the items, with the error that caused it, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(items: Generator[T, None, None], num_ahead: int) -> Generator[T, None, None]:
    """Yield the same items, produced in a thread, at most `num_ahead` before they are needed.

    An error in the thread is raised here, after the items before it. Closing this generator closes `items`.
    """
    ready: queue.Queue[T | _End] = queue.Queue(num_ahead)
    stop = threading.Event()
    thread = threading.Thread(target=_produce, args=(items, ready, stop), daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()


def _produce(items: Generator[T, None, None], ready: queue.Queue[T | _End], stop: threading.Event) -> None:
    error: BaseException | None = None
    try:
        with contextlib.closing(items):
            for item in items:
                if not _put(ready, item, stop):
                    return
    except BaseException as raised:  # noqa: BLE001 (raised again in the consumer's thread)
        error = raised
    _put(ready, _End(error), stop)


def _put(ready: queue.Queue[T | _End], item: T | _End, stop: threading.Event) -> bool:
    """Put an item when there is room; return False if the consumer has stopped."""
    while not stop.is_set():
        with contextlib.suppress(queue.Full):
            ready.put(item, timeout=_PUT_TIMEOUT_S)
            return True
    return False
