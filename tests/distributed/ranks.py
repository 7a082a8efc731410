"""Run a function on several ranks of a gloo group, each in its own process."""

from __future__ import annotations

import io
import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from typing import Any

import torch

from yolo.distributed import GroupOptions, join_group

TIMEOUT_S = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(rank: int, world_size: int, port: int) -> dict[str, str]:
    """Return the variables that torchrun would set."""
    numbers = {"RANK": rank, "WORLD_SIZE": world_size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": world_size}
    variables = {name: str(value) for name, value in numbers.items()}
    return variables | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "j"}


def run_ranks(function: Callable[..., Any], world_size: int, *arguments: Any) -> list[Any]:
    """Return the result of `function(*arguments)` on each rank; the test fails if a rank raises."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["yolo.training.build_training"])
    results = context.SimpleQueue()
    port = free_port()
    processes = [
        context.Process(target=_run, args=(function, rank, world_size, port, results, arguments), daemon=True)
        for rank in range(world_size)
    ]
    for process in processes:
        process.start()
    results_by_rank = dict(torch.load(io.BytesIO(results.get())) for _ in processes)
    for process in processes:
        process.join(TIMEOUT_S)
    failures = [text for text in results_by_rank.values() if isinstance(text, str) and text.startswith("Traceback")]
    assert not failures, "\n".join(failures)
    return [results_by_rank[rank] for rank in range(world_size)]


def _run(
    function: Callable[..., Any], rank: int, world_size: int, port: int, results: Any, arguments: tuple[Any, ...]
) -> None:
    os.environ.update(environment(rank, world_size, port))
    torch.set_num_threads(1)
    try:
        with join_group(GroupOptions(device="cpu", command="0123")):
            result = function(*arguments)
    except BaseException:  # noqa: BLE001 (reported by the parent)
        result = traceback.format_exc()
    file = io.BytesIO()  # a queue would pass tensors by handles of a process that has ended
    torch.save((rank, result), file)
    results.put(file.getvalue())
