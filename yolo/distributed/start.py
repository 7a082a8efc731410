"""Start a program on one or several processes, and report an error of several processes once."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from typing import TYPE_CHECKING, TypeVar

from torch import distributed as dist

from yolo.config.distributed_settings import ProgramSettings
from yolo.distributed.collectives import is_first_to_report, run_on_main_and_broadcast
from yolo.distributed.launch_env import read_launch_env
from yolo.distributed.launcher import launch
from yolo.distributed.process_group import GroupOptions, is_main, join_group, rank, world_size
from yolo.errors import OtherProcessError, YoloError
from yolo.system_errors import explain_system_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

logger = logging.getLogger(__name__)

CONNECTION_LOST = re.compile(
    "closed by peer|reset by peer|broken pipe|connection (was )?(refused|closed)|horovod has been shut down", re.I
)
TIMED_OUT = re.compile("timed out|timeout", re.I)
LOCAL_RANK_FLAGS = ("--local_rank", "--local-rank")

Settings = TypeVar("Settings", bound=ProgramSettings)


def start(
    module: str,
    arguments: Sequence[str],
    read_settings: Callable[[Sequence[str]], Settings],
    work: Callable[[Settings], None],
) -> int:
    """Run a program as one process, as several that are started here, or as one of those that a launcher started.

    Args:
        module: module name of the program, as `python -m` takes it.
        arguments: the command line.
        read_settings: command line -> settings; called on rank 0 only.
        work: called with the settings on every process.

    Returns:
        The exit status.

    Raises:
        YoloError: an error that no other process reports.
    """
    arguments = without_local_rank(arguments)
    if read_launch_env(os.environ) is None:
        settings = read_settings(arguments)
        if settings.distributed.processes > 1 or settings.distributed.platform:
            return launch(module, arguments, settings.distributed)
    with join_group(GroupOptions.from_arguments(arguments)), _report_errors_once(), explain_system_errors():
        if not is_main():
            logging.getLogger("yolo").setLevel(logging.ERROR)
        work(run_on_main_and_broadcast(lambda: read_settings(arguments)))
    return 0


def without_local_rank(arguments: Sequence[str]) -> list[str]:
    """Remove the flag that `torch.distributed.launch` adds to a command line; the environment has the same number."""
    kept: list[str] = []
    is_value = False
    for argument in arguments:
        if is_value or argument.startswith(tuple(f"{flag}=" for flag in LOCAL_RANK_FLAGS)):
            is_value = False
            continue
        is_value = argument in LOCAL_RANK_FLAGS
        if not is_value:
            kept.append(argument)
    return kept


@contextlib.contextmanager
def _report_errors_once() -> Iterator[None]:
    """Report an error that several processes find on one of them, and its consequences on none."""
    try:
        yield
    except OtherProcessError:
        raise
    except YoloError as error:
        if world_size() == 1:
            raise
        if not is_first_to_report(str(error)):
            raise OtherProcessError(str(error)) from error
        if is_main():
            raise
        raise type(error)(f"rank {rank()}: {error}") from error
    except (RuntimeError, dist.DistError) as error:
        is_lost, is_late = (pattern.search(str(error)) for pattern in (CONNECTION_LOST, TIMED_OUT))
        if world_size() == 1 or not (is_lost or is_late):
            raise
        if is_lost:
            reason = "lost the connection to another process, which ended; its own message says why"
        else:
            reason = "timed out waiting for the other processes (--dist-timeout); one of them hangs or is much slower"
        sys.stderr.write(f"rank {rank()} {reason}\n")
        raise SystemExit(1) from error
