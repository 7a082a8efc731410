"""The processes of `torch.distributed`: NCCL between GPUs, gloo between CPUs and for what is small."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import torch
from torch import distributed as dist
from torch.distributed import FileStore, PrefixStore, Store, TCPStore  # type: ignore[attr-defined]

from yolo.config.distributed_settings import Compression
from yolo.distributed.replica import DataParallelReplica
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from yolo.distributed.launch_env import LaunchEnv
    from yolo.distributed.options import Options
    from yolo.distributed.replica import Replica

FETCH_TIMEOUT = timedelta(hours=24)  # of waiting for what one process of a machine fetches
MEETING_TIMEOUT_S = 300.0
POLL_S = 0.05


def select_own_device(place: LaunchEnv, device: str) -> bool:
    """Make this process's GPU the current one, before anything touches another; false: it computes on the CPU.

    Raises:
        SettingsError: there are fewer GPUs than processes, or a device is named that all would share.
    """
    if device.startswith("cuda:"):
        raise SettingsError(
            f"--device {device}: {place.world_size} processes cannot share it; name GPUs by --devices 0,1"
        )
    if device not in ("auto", "cuda") or not torch.cuda.is_available():
        return False
    if torch.cuda.device_count() < place.local_world_size:
        raise SettingsError(
            f"{place.local_world_size} processes on a machine with {torch.cuda.device_count()} GPUs: start as many as "
            "there are, or train with --device cpu"
        )
    torch.cuda.set_device(place.local_rank)
    return True


def _meet(place: LaunchEnv, url: str) -> Store:
    """The store of a job's processes, once all of them have come to it.

    Raises:
        SettingsError: it is not reached, or some rank does not come.
    """
    where = url or "tcp://{}:{}".format(*place.meeting)
    parts = urlsplit(where)
    timeout = timedelta(seconds=MEETING_TIMEOUT_S)
    try:
        if parts.scheme == "tcp" and parts.hostname and parts.port:
            listens = place.rank == 0 and not (place.hosted and not url)
            store: Store = TCPStore(parts.hostname, parts.port, None, listens, timeout, wait_for_workers=False)
        elif parts.scheme == "file":
            store = FileStore(parts.path, place.world_size)
        else:
            raise SettingsError(f"--dist-url {url}: use tcp://HOST:PORT or file:///SHARED/FILE")
    except (RuntimeError, OSError) as error:
        raise SettingsError(
            f"rank {place.rank} ({place.launcher}): nothing to meet at {where} ({str(error).strip().splitlines()[0]}); "
            "see that rank 0 was started, that its address is reached, and that the port is free (MASTER_PORT)"
        ) from error
    nonce = _gather_round(store, place) or _missing(store, place, where)
    return PrefixStore(nonce, store)


def _gather_round(store: Store, place: LaunchEnv) -> str:
    """A name that the processes of this start share, and none of an earlier one that used the same store.

    Each process shows a fresh token; rank 0 answers tokens with the name until every rank has confirmed it. Counts of
    restarts would not do: each agent of torchrun has its own.

    Returns:
        The name; empty: not all came in time.
    """
    token, deadline = uuid4().hex, time.monotonic() + MEETING_TIMEOUT_S
    store.set(f"here {place.rank}", token)
    if place.rank == 0:
        store.set(f"answer {token}", token)
    answered: set[str] = set()
    name, waits_for = "", [f"answer {token}"]
    while time.monotonic() < deadline:
        if place.rank == 0:
            shown = [f"here {rank}" for rank in range(place.world_size)]
            tokens = {store.get(key).decode() for key in shown if store.check([key])}
            for other in tokens - answered:
                store.set(f"answer {other}", token)
            answered |= tokens
        if store.check(waits_for):
            if name:
                return name
            name = store.get(waits_for[0]).decode()
            store.set(f"confirmed {name} {place.rank}", "")
            waits_for = [f"confirmed {name} {rank}" for rank in range(place.world_size)]
        time.sleep(POLL_S)
    return ""


def _missing(store: Store, place: LaunchEnv, where: str) -> str:
    """Say which ranks did not come.

    Raises:
        SettingsError: always.
    """
    absent = ", ".join(str(rank) for rank in range(place.world_size) if not store.check([f"here {rank}"]))
    raise SettingsError(
        f"rank {place.rank} ({place.launcher}): of {place.world_size} processes, rank {absent or '?'} "
        f"did not come to {where} within {MEETING_TIMEOUT_S:.0f} s; see that they were started and reach it"
    )


class TorchGroup:
    """A group over the store and the process group of `torch.distributed`.

    Args:
        place: of this process.
        options: how to meet.

    Raises:
        SettingsError: a device is missing, the backend is not there, or not all processes came.
    """

    def __init__(self, place: LaunchEnv, options: Options) -> None:
        self.rank, self.world_size = place.rank, place.world_size
        self.local_rank, self.local_world_size = place.local_rank, place.local_world_size
        self._uses: Counter[str] = Counter()
        on_gpu = select_own_device(place, options.device)
        if options.backend == "nccl" and not on_gpu:
            raise SettingsError("--dist-backend nccl: it connects GPUs, and this run uses none; use gloo or auto")
        backend = "cpu:gloo,cuda:nccl" if on_gpu and options.backend != "gloo" else "gloo"
        store = _meet(place, options.url)
        try:
            dist.init_process_group(
                backend,
                store=PrefixStore("group", store),
                rank=place.rank,
                world_size=place.world_size,
                timeout=timedelta(minutes=options.timeout_min),
                device_id=torch.device("cuda", place.local_rank) if on_gpu and "nccl" in backend else None,
            )
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise SettingsError(f"--dist-backend {options.backend}: {backend} cannot be used ({reason})") from error
        self._store = PrefixStore("marks", store)

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        total = tensor.detach().clone()
        dist.all_reduce(total)
        return total

    def broadcast(self, tensor: Tensor) -> None:
        whole = tensor.contiguous()  # channels-last tensors travel as a copy
        dist.broadcast(whole, 0)
        if whole.data_ptr() != tensor.data_ptr():
            tensor.copy_(whole)

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world_size)]
        dist.all_gather(lengths, torch.tensor([len(tensor)]))
        longest = max(map(int, lengths))
        padded = tensor.new_zeros(longest, *tensor.shape[1:])
        padded[: len(tensor)] = tensor
        parts = [torch.zeros_like(padded) for _ in range(self.world_size)]
        dist.all_gather(parts, padded)
        return [part[: int(length)] for part, length in zip(parts, lengths, strict=True)]

    def set_mark(self, name: str, value: str) -> None:
        self._store.set(name, value)

    def wait_for_mark(self, name: str, what: str, owner: int) -> str:
        try:
            self._store.wait([name], FETCH_TIMEOUT)
        except (dist.DistError, RuntimeError) as error:
            raise SettingsError(
                f"rank {self.rank} waited for rank {owner} to {what}, and it did not end within {FETCH_TIMEOUT}"
            ) from error
        return self._store.get(name).decode()

    def count(self, name: str) -> int:
        return int(self._store.add(name, 1))

    def next_use(self, name: str) -> int:
        self._uses[name] += 1
        return self._uses[name]

    def replicate(self, model: nn.Module, *, static: bool, unused: bool, compression: Compression) -> Replica:
        return DataParallelReplica(model, static=static, unused=unused, compression=compression)

    def close(self) -> None:
        dist.destroy_process_group()
