from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from yolo.errors import DataError
from yolo.inference.sources.prefetch import prefetched


def test_same_items_in_order() -> None:
    assert list(prefetched((n for n in range(100)), 3)) == list(range(100))


def test_made_in_a_thread_no_more_than_asked_for_ahead() -> None:
    made: list[int] = []
    threads: set[int] = set()
    paused = threading.Event()

    def items() -> Generator[int, None, None]:
        for n in range(20):
            threads.add(threading.get_ident())
            made.append(n)
            if len(made) == 4:
                paused.set()
            yield n

    got = prefetched(items(), 2)
    assert next(got) == 0
    assert paused.wait(10)  # two lie ready, one waits for room
    assert made == [0, 1, 2, 3]
    assert list(got) == list(range(1, 20))
    assert threads == threads - {threading.get_ident()}


def test_errors_come_after_the_items_before_them() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise DataError("broken")

    got = prefetched(items(), 5)
    assert next(got) == 1
    with pytest.raises(DataError, match="broken"):
        next(got)


def test_closing_closes_what_makes_them() -> None:
    closed = threading.Event()

    def items() -> Generator[int, None, None]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    got = prefetched(items(), 2)
    next(got)
    got.close()
    assert closed.is_set()
