"""The group that this process belongs to: a single process, unless a launcher started several."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yolo.config.distributed_settings import MAX_MINUTES, Backend, Compression
from yolo.distributed.launch_env import read_launch_env
from yolo.distributed.replica import SingleReplica

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor, nn

    from yolo.distributed.replica import Replica


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOptions:
    """Options needed to join the other processes, read before all other settings.

    Attributes:
        backend: of `--dist-backend`.
        url: of `--dist-url`.
        timeout_min: of `--dist-timeout`, minutes.
        device: of `--device`.
        command: digest of the whole command line, by which a restarted run is recognised.
    """

    backend: Backend = "auto"
    url: str = ""
    timeout_min: float = 30.0
    device: str = "auto"
    command: str = ""

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> GroupOptions:
        """Read the options from a command line; errors are left to the program's own parser."""
        early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        early.add_argument("--dist-backend", dest="backend", default="auto")
        early.add_argument("--dist-url", dest="url", default="")
        early.add_argument("--dist-timeout", dest="timeout_min", type=float, default=30.0)
        early.add_argument("--device", default="auto")
        command = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:16]
        try:
            given = early.parse_known_args(list(arguments))[0]
            return cls(**vars(given), command=command) if 0 < given.timeout_min <= MAX_MINUTES else cls(command=command)
        except argparse.ArgumentError:
            return cls(command=command)


class ProcessGroup(Protocol):
    """Processes that communicate. All must call the same methods in the same order, except those about keys.

    Attributes:
        rank: number of this process, from 0.
        world_size: number of processes on all machines.
        local_rank: number of this process on its machine, from 0.
        local_world_size: number of processes on this machine.
        job_id: equal for all restarts of one command in one job; empty: the launcher does not restart processes.
        task_counts: how often `local_main_first` was entered, by task.
    """

    rank: int
    world_size: int
    local_rank: int
    local_world_size: int
    job_id: str
    task_counts: Counter[str]

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes."""

    def broadcast(self, tensor: Tensor) -> None:
        """Overwrite a tensor with rank 0's."""

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        """Return the tensors of all ranks in order; their first axes may differ in length."""

    def set_key(self, key: str, value: str) -> None:
        """Publish a value that other processes may wait for."""

    def wait_for_key(self, key: str, task: str, owner: int) -> str:
        """Wait until rank `owner` has published a key, and return its value; `task` is for the error message."""

    def increment(self, key: str) -> int:
        """Add 1 to a counter that all processes share, and return it."""

    def replicate(self, model: nn.Module, *, static: bool, unused: bool, compression: Compression) -> Replica:
        """Make a model's gradients the mean over all processes: see `yolo.distributed.replicate`."""

    def close(self) -> None:
        """Leave the group."""


class SingleProcess:
    """A group of one process.

    Args:
        rank: number of the process; not 0 if it belongs to a larger group at other times.
        job_id: see `ProcessGroup`.
    """

    world_size = local_world_size = 1
    local_rank = 0

    def __init__(self, rank: int = 0, job_id: str = "") -> None:
        self.rank = rank
        self.job_id = job_id
        self.task_counts: Counter[str] = Counter()

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        return tensor

    def broadcast(self, tensor: Tensor) -> None:
        del tensor

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        return [tensor]

    def set_key(self, key: str, value: str) -> None:
        del key, value

    def wait_for_key(self, key: str, task: str, owner: int) -> str:
        raise AssertionError(f"a single process waits for rank {owner}: {key}, {task}")

    def increment(self, key: str) -> int:
        del key
        return 1

    def replicate(self, model: nn.Module, *, static: bool, unused: bool, compression: Compression) -> Replica:
        del static, unused, compression
        return SingleReplica(model)

    def close(self) -> None:
        """Do nothing."""


_groups: list[ProcessGroup] = [SingleProcess()]  # a stack: the last one is the current group


def current_group() -> ProcessGroup:
    """Return the current process group."""
    return _groups[-1]


@contextlib.contextmanager
def use_group(group: ProcessGroup) -> Iterator[None]:
    """Make a group the current one within the block."""
    _groups.append(group)
    try:
        yield
    finally:
        _groups.pop()


@contextlib.contextmanager
def without_others() -> Iterator[None]:
    """Communicate with no other process within the block, for code that must not wait for them."""
    group = current_group()
    with use_group(SingleProcess(group.rank, group.job_id)):
        yield


@contextlib.contextmanager
def join_group(options: GroupOptions) -> Iterator[None]:
    """Join the processes that a launcher started, if one did, within the block.

    Raises:
        SettingsError: the launcher's variables are wrong, a device or package is missing, or a process did not join.
    """
    env = read_launch_env(os.environ)
    if env is None:
        yield
        return
    is_horovod = options.backend == "horovod" or (options.backend == "auto" and env.launcher == "horovodrun")
    if is_horovod and (env.world_size > 1 or options.backend == "horovod"):
        from yolo.distributed.horovod_group import HorovodGroup

        group: ProcessGroup = HorovodGroup(env, options)
    elif env.world_size > 1:
        from yolo.distributed.torch_group import TorchGroup

        group = TorchGroup(env, options)
    else:
        group = SingleProcess(job_id=env.job_id(options.command))
    with use_group(group):
        yield
    group.close()  # not after an error: the others may never reach it, and the process ends anyway


def rank() -> int:
    """Number of this process among all, from 0."""
    return current_group().rank


def world_size() -> int:
    """Number of processes on all machines."""
    return current_group().world_size


def local_rank() -> int:
    """Number of this process on its machine, from 0."""
    return current_group().local_rank


def local_world_size() -> int:
    """Number of processes on this machine."""
    return current_group().local_world_size


def is_main() -> bool:
    """Return whether this is rank 0, the process that prints, logs, writes and downloads."""
    return rank() == 0


def job_id() -> str:
    """Return an id that all restarts of one command in one job share; empty if its launcher restarts nothing."""
    return current_group().job_id
