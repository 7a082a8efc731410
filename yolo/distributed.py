"""Processes that train together. The only file that knows of `torch.distributed` and of launchers' variables.

Without other processes every answer is that of rank 0 of 1, and nothing waits.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")


def rank() -> int:
    """Number of this process among all, from 0."""
    return 0


def world_size() -> int:
    """How many processes there are, on all machines."""
    return 1


def is_main() -> bool:
    """Whether this is the process that prints, logs, writes and downloads."""
    return rank() == 0


@contextlib.contextmanager
def first_on_node(what: str) -> Iterator[None]:
    """Let one process of each machine run the block before the others on that machine do.

    What the first one fetched is then there for the others: the block must see that, and do nothing twice.

    Args:
        what: the block does, for the message when the first one does not end it ("fetch s3://...").
    """
    del what
    yield


def from_main(function: Callable[[], Result]) -> Result:
    """Call a function on rank 0 alone; every process gets its result, or its `YoloError`."""
    return function()
