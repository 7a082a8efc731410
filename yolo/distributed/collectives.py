"""Communication between all processes. With a single process, nothing is sent and nothing waits."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
from typing import TYPE_CHECKING, TypeVar, cast

import torch

from yolo.distributed.process_group import current_group, is_main, without_others, world_size
from yolo.errors import OtherProcessError, TrainingError, YoloError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from yolo.config.distributed_settings import Compression
    from yolo.distributed.replica import Replica

Result = TypeVar("Result")


def all_reduce_sum(tensor: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes, without gradients.

    The result is a new tensor; with a single process it is `tensor` itself.
    """
    return current_group().all_reduce_sum(tensor)


def all_reduce_mean(tensor: Tensor) -> Tensor:
    """Return the mean of a floating-point tensor over all processes."""
    return all_reduce_sum(tensor) / world_size() if world_size() > 1 else tensor


def any_rank(flag: bool) -> bool:
    """Return whether a flag is True on any process."""
    return bool(all_reduce_sum(torch.tensor(int(flag))))


def all_gather(tensor: Tensor) -> Tensor:
    """Concatenate the tensors of all processes in rank order; their first axes may differ in length."""
    return torch.cat(current_group().all_gather(tensor))


def all_gather_texts(text: str) -> list[str]:
    """Return the texts of all processes in rank order, without surrounding white space."""
    data = torch.frombuffer(bytearray(text.encode() or b" "), dtype=torch.uint8)
    return [part.numpy().tobytes().decode().strip() for part in current_group().all_gather(data)]


def broadcast_module(module: nn.Module) -> None:
    """Copy rank 0's parameters and buffers of a module to all processes, in place."""
    for tensor in module.state_dict().values():
        current_group().broadcast(tensor)


def check_equal(module: nn.Module, when: str) -> None:
    """Check that all processes have the same parameters and buffers, bit by bit.

    Args:
        module: the module to compare.
        when: the moment of the check, for the message.

    Raises:
        TrainingError: they differ.
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
    """Call a function on rank 0 only and return its result on every process.

    Raises:
        YoloError: on rank 0, the error of the function; on the others an `OtherProcessError`, which is not printed.
    """
    if world_size() == 1:
        return function()
    if not is_main():
        result, failed = pickle.loads(_broadcast_bytes(b""))  # noqa: S301 (from our own rank 0)
        if failed:
            raise OtherProcessError("rank 0 failed")
        return cast("Result", result)
    try:
        with without_others():
            result_of_main = function()
    except YoloError:
        _broadcast_bytes(pickle.dumps((None, True)))
        raise
    _broadcast_bytes(pickle.dumps((result_of_main, False)))
    return result_of_main


def _broadcast_bytes(data: bytes) -> bytes:
    """Return rank 0's bytes on every process."""
    length = torch.tensor(len(data))
    current_group().broadcast(length)
    buffer = torch.frombuffer(bytearray(data or int(length)), dtype=torch.uint8)
    current_group().broadcast(buffer)
    return buffer.numpy().tobytes()


@contextlib.contextmanager
def local_main_first(task: str) -> Iterator[None]:
    """Let one process of each machine run the block before the machine's other processes do.

    Meant for downloads: the other processes then find the files of the first one. The block must not repeat work that
    is already done, and must not communicate with other processes.

    Args:
        task: what the block does, for the message if the first process fails: "fetch s3://...".

    Raises:
        OtherProcessError: the first process of this machine failed in the block.
    """
    group = current_group()
    if group.local_world_size == 1:
        yield
        return
    first = group.rank - group.local_rank
    group.task_counts[task] += 1
    key = f"{task}, machine of rank {first}, {group.task_counts[task]}"
    if group.local_rank:
        if group.wait_for_key(key, task, first) != "done":
            raise OtherProcessError(f"rank {first} could not {task}")
        with without_others():
            yield
        return
    try:
        with without_others():
            yield
    except BaseException:
        group.set_key(key, "failed")
        raise
    group.set_key(key, "done")


def replicate(
    model: nn.Module, *, static: bool = False, unused: bool = False, compression: Compression = "none"
) -> Replica:
    """Make a model's gradients the mean over all processes.

    Args:
        model: the model, with equal weights on all processes.
        static: every backward pass uses the same parameters, and an optimizer step follows each.
        unused: some trained parameters may not take part in a backward pass.
        compression: the format in which gradients are sent.
    """
    return current_group().replicate(model, static=static, unused=unused, compression=compression)


def is_first_to_report(message: str) -> bool:
    """Return whether no other process has asked this for the same message, so that it is printed only once."""
    return current_group().increment(f"said {hashlib.sha256(message.encode()).hexdigest()}") == 1
