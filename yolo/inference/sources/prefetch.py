"""Makes the next items of a series in a thread while the last one is in use."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

Item = TypeVar("Item")

_PATIENCE_S = 0.1  # how long it may take until the thread sees that nothing more is wanted


class _End:
    """Ends the series, with the error that did, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetched(items: Generator[Item, None, None], ahead: int) -> Generator[Item, None, None]:
    """The same items, made in a thread, at most `ahead` before they are asked for.

    An error in the thread is raised here, after the items before it. Closing this generator closes `items`.
    """
    made: queue.Queue[Item | _End] = queue.Queue(ahead)
    stop = threading.Event()
    thread = threading.Thread(target=_make, args=(items, made, stop), daemon=True)
    thread.start()
    try:
        while not isinstance(item := made.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()


def _make(items: Generator[Item, None, None], made: queue.Queue[Item | _End], stop: threading.Event) -> None:
    error: BaseException | None = None
    try:
        with contextlib.closing(items):
            for item in items:
                if not _put(made, item, stop):
                    return
    except BaseException as raised:  # noqa: BLE001 (handed to the thread that asks for items)
        error = raised
    _put(made, _End(error), stop)


def _put(made: queue.Queue[Item | _End], item: Item | _End, stop: threading.Event) -> bool:
    """Put an item in when there is room; False if nothing more is wanted."""
    while not stop.is_set():
        with contextlib.suppress(queue.Full):
            made.put(item, timeout=_PATIENCE_S)
            return True
    return False
