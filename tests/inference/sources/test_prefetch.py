from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from yolo.errors import DataError
from yolo.inference.sources.prefetch import prefetch


def test_yields_the_same_items_in_order() -> None:
    assert list(prefetch((n for n in range(100)), 3)) == list(range(100))


def test_items_are_produced_in_one_thread_and_not_too_far_ahead() -> None:
    produced: list[int] = []
    threads: set[int] = set()
    paused = threading.Event()

    def items() -> Generator[int, None, None]:
        for n in range(20):
            threads.add(threading.get_ident())
            produced.append(n)
            if len(produced) == 4:
                paused.set()
            yield n

    got = prefetch(items(), 2)
    assert next(got) == 0
    assert paused.wait(10)  # two are ready, one waits for room
    assert produced == [0, 1, 2, 3]
    assert list(got) == list(range(1, 20))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_error_is_raised_after_the_items_before_it() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise DataError("broken")

    got = prefetch(items(), 5)
    assert next(got) == 1
    with pytest.raises(DataError, match="broken"):
        next(got)


def test_closing_closes_the_wrapped_generator() -> None:
    closed = threading.Event()

    def items() -> Generator[int, None, None]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    got = prefetch(items(), 2)
    next(got)
    got.close()
    assert closed.is_set()
