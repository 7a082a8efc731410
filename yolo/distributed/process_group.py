"""The group that this process is in: itself alone, unless a launcher started it with others."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Protocol

from yolo.config.distributed_settings import Compression
from yolo.distributed.launch_env import read_launch_env
from yolo.distributed.replica import SingleReplica

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from yolo.distributed.options import Options
    from yolo.distributed.replica import Replica


class ProcessGroup(Protocol):
    """Processes that can be talked to; every process calls the same methods in the same order, but for the marks."""

    rank: int
    world_size: int
    local_rank: int
    local_world_size: int

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""

    def broadcast(self, tensor: Tensor) -> None:
        """Fill a tensor with rank 0's."""

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        """The tensors of all ranks, in their order; they may differ in their first axis."""

    def set_mark(self, name: str, value: str) -> None:
        """Tell the others something that they may ask for at any time."""

    def wait_for_mark(self, name: str, what: str, owner: int) -> str:
        """What `owner` told, once it did."""

    def count(self, name: str) -> int:
        """How many processes asked so with this name, this one included."""

    def next_use(self, name: str) -> int:
        """How often this process asked so with this name."""

    def replicate(self, model: nn.Module, *, static: bool, unused: bool, compression: Compression) -> Replica:
        """See `yolo.distributed.replicate`."""

    def close(self) -> None:
        """Part from the others."""


class SingleProcess:
    """One process by itself.

    Args:
        rank: that it keeps, where it is one of others at other times.
    """

    world_size = local_world_size = 1
    local_rank = 0

    def __init__(self, rank: int = 0) -> None:
        self.rank = rank

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        return tensor

    def broadcast(self, tensor: Tensor) -> None:
        del tensor

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        return [tensor]

    def set_mark(self, name: str, value: str) -> None:
        del name, value

    def wait_for_mark(self, name: str, what: str, owner: int) -> str:
        raise AssertionError(f"nobody is there to wait for: {name}, {what}, {owner}")

    def count(self, name: str) -> int:
        del name
        return 1

    next_use = count

    def replicate(self, model: nn.Module, *, static: bool, unused: bool, compression: Compression) -> Replica:
        del static, unused, compression
        return SingleReplica(model)

    def close(self) -> None:
        """Nothing to leave."""


_groups: list[ProcessGroup] = [SingleProcess()]  # the last one is in force


def current() -> ProcessGroup:
    """The group in force."""
    return _groups[-1]


@contextlib.contextmanager
def within(group: ProcessGroup) -> Iterator[None]:
    """Put a group in force for a while."""
    _groups.append(group)
    try:
        yield
    finally:
        _groups.pop()


@contextlib.contextmanager
def joined(options: Options) -> Iterator[None]:
    """Be one of the processes that a launcher started, if one did.

    Raises:
        SettingsError: the launcher's variables are wrong, a device or package is missing, or not all processes came.
    """
    place = read_launch_env(os.environ)
    if place is None or (place.world_size == 1 and options.backend != "horovod"):
        yield
        return
    if options.backend == "horovod" or (options.backend == "auto" and place.launcher == "horovodrun"):
        from yolo.distributed.horovod_group import HorovodGroup

        group: ProcessGroup = HorovodGroup(place, options)
    else:
        from yolo.distributed.torch_group import TorchGroup

        group = TorchGroup(place, options)
    with within(group):
        yield
    group.close()  # not after an error: the others may never come to it, and the end of the process does


def rank() -> int:
    """Number of this process among all, from 0."""
    return current().rank


def world_size() -> int:
    """How many processes there are, on all machines."""
    return current().world_size


def local_rank() -> int:
    """Number of this process among those of its machine, from 0."""
    return current().local_rank


def local_world_size() -> int:
    """How many processes this machine has."""
    return current().local_world_size


def is_main() -> bool:
    """Whether this is the process that prints, logs, writes and downloads."""
    return rank() == 0
