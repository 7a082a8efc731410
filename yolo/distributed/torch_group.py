"""Process group over `torch.distributed`: NCCL between GPUs, gloo between CPUs and for small messages."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit
from uuid import uuid4

import torch
from torch import distributed as dist
from torch.distributed import FileStore, PrefixStore, Store  # type: ignore[attr-defined]

from yolo.config.distributed_settings import Compression
from yolo.distributed.replica import DataParallelReplica
from yolo.distributed.tcp_store import connect, listen, use_loopback_interface
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from yolo.distributed.launch_env import LaunchEnv
    from yolo.distributed.process_group import GroupOptions
    from yolo.distributed.replica import Replica

FETCH_TIMEOUT = timedelta(hours=24)  # how long to wait for a download by another process of the same machine
RENDEZVOUS_TIMEOUT_S = 300.0
POLL_S = 0.05


def select_local_gpu(env: LaunchEnv, device: str) -> bool:
    """Make this process's GPU the current one, before CUDA is initialised; return False if it computes on the CPU.

    Raises:
        SettingsError: there are fewer GPUs than processes, or all processes would share the named device.
    """
    if device.startswith("cuda:"):
        raise SettingsError(
            f"--device {device}: {env.world_size} processes cannot share it; choose GPUs with --devices 0,1"
        )
    if device not in ("auto", "cuda") or not torch.cuda.is_available():
        return False
    if torch.cuda.device_count() < env.local_world_size:
        raise SettingsError(
            f"{env.local_world_size} processes on a machine with {torch.cuda.device_count()} GPUs: start at most one "
            "process per GPU, or train with --device cpu"
        )
    torch.cuda.set_device(env.local_rank)
    return True


def _rendezvous(env: LaunchEnv, url: str) -> Store:
    """Return the store of the job's processes, once all of them have connected to it.

    Raises:
        SettingsError: the store cannot be reached, or a rank does not connect.
    """
    address = url or env.rendezvous
    parts = urlsplit(address)
    timeout = timedelta(seconds=RENDEZVOUS_TIMEOUT_S)
    try:
        if parts.scheme == "tcp" and parts.hostname and parts.port:
            if env.rank == 0 and not (env.launcher_hosts_store and not url):
                store: Store = listen(parts.hostname, parts.port, timeout, is_one_machine=env.is_one_machine)
            else:
                store = connect(parts.hostname, parts.port, timeout)
        elif parts.scheme == "file":
            store = FileStore(address.removeprefix("file://"), env.world_size)
        else:
            raise SettingsError(f"--dist-url {url}: use tcp://HOST:PORT or file:///SHARED/FILE")
    except (RuntimeError, OSError) as error:
        raise SettingsError(
            f"rank {env.rank} ({env.launcher}): cannot connect to {address} ({str(error).strip().splitlines()[0]}); "
            "check that rank 0 was started, that its address is reachable, and that the port is free (MASTER_PORT)"
        ) from error
    name = _agree_on_name(store, env)
    if not name:
        _raise_missing_ranks(store, env, address)
    return PrefixStore(name, store)


def _agree_on_name(store: Store, env: LaunchEnv) -> str:
    """Return a name that the processes of this start share, and that no earlier start with the same store used.

    Each process publishes a fresh token; rank 0 answers each token with the name, until every rank has confirmed it.
    A count of restarts would not do, as each agent of torchrun has its own.

    Returns:
        The name; empty if a rank did not answer in time.
    """
    token, deadline = uuid4().hex, time.monotonic() + RENDEZVOUS_TIMEOUT_S
    store.set(f"here {env.rank}", token)
    if env.rank == 0:
        store.set(f"answer {token}", token)
    answered: set[str] = set()
    name, awaited_keys = "", [f"answer {token}"]
    while time.monotonic() < deadline:
        if env.rank == 0:
            keys = [f"here {rank}" for rank in range(env.world_size)]
            tokens = {store.get(key).decode() for key in keys if store.check([key])}
            for other in tokens - answered:
                store.set(f"answer {other}", token)
            answered |= tokens
        if store.check(awaited_keys):
            if name:
                return name
            name = store.get(awaited_keys[0]).decode()
            store.set(f"confirmed {name} {env.rank}", "")
            awaited_keys = [f"confirmed {name} {rank}" for rank in range(env.world_size)]
        time.sleep(POLL_S)
    return ""


def _raise_missing_ranks(store: Store, env: LaunchEnv, address: str) -> NoReturn:
    """Raise a `SettingsError` that names the ranks which did not connect."""
    missing = ", ".join(str(rank) for rank in range(env.world_size) if not store.check([f"here {rank}"]))
    raise SettingsError(
        f"rank {env.rank} ({env.launcher}): of {env.world_size} processes, rank {missing or '?'} did not connect to "
        f"{address} within {RENDEZVOUS_TIMEOUT_S:.0f} s; check that they were started and can reach it"
    )


class TorchGroup:
    """A process group over `torch.distributed` and its store.

    Args:
        env: what the launcher says.
        options: how to join.

    Raises:
        SettingsError: a device is missing, the backend is not available, or a process did not connect.
    """

    def __init__(self, env: LaunchEnv, options: GroupOptions) -> None:
        self.rank, self.world_size = env.rank, env.world_size
        self.local_rank, self.local_world_size = env.local_rank, env.local_world_size
        self.job_id = env.job_id(options.command)
        self.task_counts: Counter[str] = Counter()
        on_gpu = select_local_gpu(env, options.device)
        if options.backend == "nccl" and not on_gpu:
            raise SettingsError("--dist-backend nccl: it needs GPUs, and this run uses none; use gloo or auto")
        backend = "cpu:gloo,cuda:nccl" if on_gpu and options.backend != "gloo" else "gloo"
        if env.is_one_machine:
            use_loopback_interface()
        store = _rendezvous(env, options.url)
        try:
            dist.init_process_group(
                backend,
                store=PrefixStore("group", store),
                rank=env.rank,
                world_size=env.world_size,
                timeout=timedelta(minutes=options.timeout_min),
                device_id=torch.device("cuda", env.local_rank) if on_gpu and "nccl" in backend else None,
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
        contiguous = tensor.contiguous()  # a copy for channels-last tensors
        dist.broadcast(contiguous, 0)
        if contiguous.data_ptr() != tensor.data_ptr():
            tensor.copy_(contiguous)

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world_size)]
        dist.all_gather(lengths, torch.tensor([len(tensor)]))
        longest = max(map(int, lengths))
        padded = tensor.new_zeros(longest, *tensor.shape[1:])
        padded[: len(tensor)] = tensor
        parts = [torch.zeros_like(padded) for _ in range(self.world_size)]
        dist.all_gather(parts, padded)
        return [part[: int(length)] for part, length in zip(parts, lengths, strict=True)]

    def set_key(self, key: str, value: str) -> None:
        self._store.set(key, value)

    def wait_for_key(self, key: str, task: str, owner: int) -> str:
        try:
            self._store.wait([key], FETCH_TIMEOUT)
        except (dist.DistError, RuntimeError) as error:
            raise SettingsError(
                f"rank {self.rank} waited for rank {owner} to {task}, which took longer than {FETCH_TIMEOUT}"
            ) from error
        return self._store.get(key).decode()

    def increment(self, key: str) -> int:
        return int(self._store.add(key, 1))

    def replicate(self, model: nn.Module, *, static: bool, unused: bool, compression: Compression) -> Replica:
        return DataParallelReplica(model, static=static, unused=unused, compression=compression)

    def close(self) -> None:
        dist.destroy_process_group()
