"""Runs a function as the ranks of a group of gloo, each in a process of its own."""

from __future__ import annotations

import io
import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from typing import Any

import torch

from yolo.distributed import Options, joined

TIMEOUT_S = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(rank: int, world_size: int, port: int) -> dict[str, str]:
    """What torchrun would set."""
    places = {"RANK": rank, "WORLD_SIZE": world_size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": world_size}
    return {name: str(value) for name, value in places.items()} | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def run_ranks(function: Callable[..., Any], world_size: int, *arguments: Any) -> list[Any]:
    """What `function(*arguments)` gives on each rank, within the group; a failure of one is the test's."""
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
    found = dict(torch.load(io.BytesIO(results.get())) for _ in processes)
    for process in processes:
        process.join(TIMEOUT_S)
    failures = [text for text in found.values() if isinstance(text, str) and text.startswith("Traceback")]
    assert not failures, "\n".join(failures)
    return [found[rank] for rank in range(world_size)]


def _run(
    function: Callable[..., Any], rank: int, world_size: int, port: int, results: Any, arguments: tuple[Any, ...]
) -> None:
    os.environ.update(environment(rank, world_size, port))
    torch.set_num_threads(1)
    try:
        with joined(Options(device="cpu")):
            result = function(*arguments)
    except BaseException:  # noqa: BLE001 (the parent shows it)
        result = traceback.format_exc()
    file = io.BytesIO()  # tensors would else travel by handles of a process that is gone
    torch.save((rank, result), file)
    results.put(file.getvalue())
