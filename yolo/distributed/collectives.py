"""What processes tell each other. With one process, nothing is sent and nothing waits."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
from typing import TYPE_CHECKING, TypeVar, cast

import torch

from yolo.distributed.process_group import SingleProcess, current, is_main, within, world_size
from yolo.errors import ElsewhereError, TrainingError, YoloError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from yolo.config.distributed_settings import Compression
    from yolo.distributed.replica import Replica

Result = TypeVar("Result")


def all_reduce_sum(tensor: Tensor) -> Tensor:
    """The sum of a tensor over all processes, without gradients: a new tensor, or with one process this one."""
    return current().all_reduce_sum(tensor)


def all_reduce_mean(tensor: Tensor) -> Tensor:
    """The mean of a floating tensor over all processes."""
    return all_reduce_sum(tensor) / world_size() if world_size() > 1 else tensor


def any_rank(flag: bool) -> bool:
    """Whether a flag is up on any process."""
    return bool(all_reduce_sum(torch.tensor(int(flag))))


def all_gather(tensor: Tensor) -> Tensor:
    """The tensors of all processes one after another, on each of them; they may differ in length."""
    return torch.cat(current().all_gather(tensor))


def all_gather_texts(text: str) -> list[str]:
    """What each process says, in their order, on each of them."""
    data = torch.frombuffer(bytearray(text.encode() or b" "), dtype=torch.uint8)
    return [part.numpy().tobytes().decode().strip() for part in current().all_gather(data)]


def broadcast_module(module: nn.Module) -> None:
    """Give a module rank 0's parameters and buffers."""
    for tensor in module.state_dict().values():
        current().broadcast(tensor)


def check_equal(module: nn.Module, when: str) -> None:
    """See that all processes have the same parameters and buffers, bit by bit.

    Args:
        module: whose.
        when: for the message.

    Raises:
        TrainingError: they have not.
    """
    if world_size() == 1:
        return
    digest = hashlib.sha256()
    for tensor in module.state_dict().values():
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    digests = all_gather_texts(digest.hexdigest())
    others = [str(number) for number, each in enumerate(digests) if each != digests[0]]
    if others:
        raise TrainingError(
            f"{when}: the weights of rank {', '.join(others)} differ from those of rank 0; all processes must run "
            "the same versions of this package and of PyTorch"
        )


def run_on_main_and_broadcast(function: Callable[[], Result]) -> Result:
    """Call a function on rank 0 alone; every process gets its result, or fails as it does.

    Raises:
        YoloError: what the function raises; on the others an `ElsewhereError`, which is not shown again.
    """
    if world_size() == 1:
        return function()
    if not is_main():
        result, failed = pickle.loads(_broadcast_bytes(b""))  # noqa: S301 (from our own rank 0)
        if failed:
            raise ElsewhereError("rank 0 found a mistake")
        return cast("Result", result)
    try:
        with within(SingleProcess()):
            own = function()
    except YoloError:
        _broadcast_bytes(pickle.dumps((None, True)))
        raise
    _broadcast_bytes(pickle.dumps((own, False)))
    return own


def _broadcast_bytes(data: bytes) -> bytes:
    """Rank 0's bytes."""
    length = torch.tensor(len(data))
    current().broadcast(length)
    buffer = torch.frombuffer(bytearray(data or int(length)), dtype=torch.uint8)
    current().broadcast(buffer)
    return buffer.numpy().tobytes()


@contextlib.contextmanager
def local_main_first(what: str) -> Iterator[None]:
    """Let one process of each machine run the block before the others on that machine do.

    What the first one fetched is then there for the others: the block must see that, and do nothing twice.

    Args:
        what: the block does, for the message when the first one does not end it ("fetch s3://...").

    Raises:
        ElsewhereError: the first process of this machine failed in it.
    """
    group = current()
    if group.local_world_size == 1:
        yield
        return
    by_itself = SingleProcess(group.rank)  # within the block nothing else is waited for
    owner = group.rank - group.local_rank
    name = f"{what}, machine of rank {owner}, {group.next_use(what)}"
    if group.local_rank:
        if group.wait_for_mark(name, what, owner) != "done":
            raise ElsewhereError(f"rank {owner} could not {what}")
        with within(by_itself):
            yield
        return
    try:
        with within(by_itself):
            yield
    except BaseException:
        group.set_mark(name, "failed")
        raise
    group.set_mark(name, "done")


def replicate(
    model: nn.Module, *, static: bool = False, unused: bool = False, compression: Compression = "none"
) -> Replica:
    """A model whose gradients are the mean over all processes.

    Args:
        model: the same on all of them.
        static: every backward pass goes through the same parameters, and each is followed by its step.
        unused: some parameters that train are not in the graph.
        compression: what gradients travel as.
    """
    return current().replicate(model, static=static, unused=unused, compression=compression)


def first_to_say(text: str) -> bool:
    """Whether no other process has asked this of the same text: what all of them find is said once."""
    return current().count(f"said {hashlib.sha256(text.encode()).hexdigest()}") == 1
