"""How a program that may run as many processes begins, and what it does with the errors of one of them."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import sys
from typing import TYPE_CHECKING, TypeVar

from torch import distributed as dist

from yolo.config.distributed_settings import ProgramSettings
from yolo.distributed.collectives import first_to_say, run_on_main_and_broadcast
from yolo.distributed.launch_env import read_launch_env
from yolo.distributed.launcher import launch
from yolo.distributed.options import Options
from yolo.distributed.process_group import is_main, joined, rank, world_size
from yolo.errors import ElsewhereError, YoloError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

logger = logging.getLogger(__name__)

LOST = re.compile(
    "closed by peer|reset by peer|broken pipe|connection (was )?(refused|closed)|horovod has been shut down", re.I
)
LATE = re.compile("timed out|timeout", re.I)


Settings = TypeVar("Settings", bound=ProgramSettings)


def start(module: str, read: Callable[[Sequence[str]], Settings], work: Callable[[Settings], None]) -> int:
    """Do a program's work: as the process that a launcher started, as several that are started here, or alone.

    Args:
        module: the program's, as `python -m` takes it.
        read: command line -> settings; called on rank 0 alone.
        work: is called with them on every process.

    Returns:
        The exit status.

    Raises:
        YoloError: a mistake that no other process has shown.
    """
    arguments = without_local_rank(sys.argv[1:])
    if read_launch_env(os.environ) is None:
        settings = read(arguments)
        if settings.distributed.processes > 1 or settings.distributed.platform:
            return launch(module, arguments, settings.distributed)
    with joined(Options.read(arguments)), _told_once():
        if not is_main():
            logging.getLogger("yolo").setLevel(logging.ERROR)
        work(run_on_main_and_broadcast(lambda: read(arguments)))
    return 0


def without_local_rank(arguments: Sequence[str]) -> list[str]:
    """A command line without what `torch.distributed.launch` adds to it; the environment says the same."""
    kept: list[str] = []
    flags = ("--local_rank", "--local-rank")
    skip = False
    for argument in arguments:
        if skip or argument.startswith(tuple(f"{flag}=" for flag in flags)):
            skip = False
            continue
        skip = argument in flags
        if not skip:
            kept.append(argument)
    return kept


def job() -> str:
    """What a restarted run is known by: the same for all attempts of one command in one job; empty: none restarts."""
    place = read_launch_env(os.environ)
    if place is None or not place.job:
        return ""
    command = hashlib.sha256("\0".join(sys.argv[1:]).encode()).hexdigest()[:16]
    return f"{place.job} {command}"


@contextlib.contextmanager
def _told_once() -> Iterator[None]:
    """What several processes find wrong is said by one of them, and what follows from that by none."""
    try:
        yield
    except ElsewhereError:
        raise
    except YoloError as error:
        if world_size() == 1:
            raise
        if not first_to_say(str(error)):
            raise ElsewhereError(str(error)) from error
        if is_main():
            raise
        raise type(error)(f"rank {rank()}: {error}") from error
    except (RuntimeError, dist.DistError) as error:
        text = str(error)
        if world_size() == 1 or not (LOST.search(text) or LATE.search(text)):
            raise
        if not LOST.search(text):
            reason = "waited for the others in vain (--dist-timeout); one of them hangs, or is much slower"
        else:
            reason = "lost the connection to another process, which ended; its own message says why"
        sys.stderr.write(f"rank {rank()} {reason}\n")
        raise SystemExit(1) from error
