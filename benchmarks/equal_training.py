"""Compare the weights after 20 steps of one process with 16 images per batch, and of more with fewer images each.

    python -m benchmarks.equal_training --weights runs/shapes/best.pt

Batch normalisation is synchronised; data and augmentation are those of the default recipe, with mosaics.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
from itertools import islice
from typing import Any

import torch

from yolo import distributed
from yolo.config.augment_settings import AugmentSettings
from yolo.config.loss_settings import LossSettings
from yolo.data.dataset import DetectionDataset
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.loader import build_loader
from yolo.data.sample import Shard
from yolo.distributed.sync_batch_norm import convert_sync_batch_norm
from yolo.engine.optimizer import build_optimizer
from yolo.losses.registry import build_loss
from yolo.model.graph import read_graph
from yolo.training.build_model import build_model

BATCH, STEPS, SIDE, LR = 16, 20, 96, 1e-3


def train(dtype: torch.dtype, weights: str) -> list[torch.Tensor]:
    """Return all weights before the first and after each step."""
    torch.manual_seed(0)
    index = open_dataset("shapes").index("train")
    model = build_model(read_graph("shapes"), weights, index.names)
    rank, world_size = distributed.rank(), distributed.world_size()
    if world_size > 1:
        convert_sync_batch_norm(model)
    model.to(dtype).train()
    dataset = DetectionDataset(index=index, size=SIDE, augment=AugmentSettings(), seed=0)
    loader = build_loader(
        dataset, batch_size=BATCH // world_size, workers=0, order="shuffled", seed=0, shard=Shard(rank, world_size)
    )
    loss = build_loss(LossSettings(), model)
    optimizer = build_optimizer(model, "sgd", lr=LR, momentum=0.937, weight_decay=5e-4)
    replica = distributed.replicate(model, static=True)
    states = [torch.nn.utils.parameters_to_vector(model.parameters()).detach()]
    for batch in islice(loader, STEPS):
        outputs = replica.wrap()(batch.images.to(dtype) / 255)
        terms = loss(outputs, batch.targets.to(dtype), (SIDE, SIDE))
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        states.append(torch.nn.utils.parameters_to_vector(model.parameters()).detach())
    return states


def run_rank(rank: int, world_size: int, port: int, arguments: tuple[Any, ...], results: Any) -> None:
    """Run one process; rank 0 sends its weights."""
    numbers = {"RANK": rank, "WORLD_SIZE": world_size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": world_size}
    os.environ.update({name: str(value) for name, value in numbers.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    with distributed.join_group(distributed.GroupOptions(device="cpu")):
        states = train(*arguments)
        if distributed.is_main():
            results.put([state.double().numpy() for state in states])


def trained(world_size: int, *arguments: Any) -> list[Any]:
    """Return the weights on rank 0 when this number of processes trains."""
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [
        context.Process(target=run_rank, args=(rank, world_size, port, arguments, results))
        for rank in range(world_size)
    ]
    for process in processes:
        process.start()
    states: list[Any] = results.get()
    for process in processes:
        process.join()
    return states


def main() -> None:
    """Train with 1, 2 and 4 processes, and print the differences."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", default="", help="also start from these weights")
    weights = parser.parse_args().weights
    open_dataset("shapes").index("train")
    print("| start | arithmetic | largest step from the start | 2 x 8 differs by | 4 x 4 differs by |")
    print("|---|---|---|---|---|")
    for start in filter(None, ("scratch", weights)):
        for dtype in (torch.float64, torch.float32):
            one, two, four = (trained(n, dtype, "" if start == "scratch" else start) for n in (1, 2, 4))
            moved, *differences = (abs(one[-1] - other).max() for other in (one[0], two[-1], four[-1]))
            parts = " | ".join(f"{value:.1e}" for value in (moved, *differences))
            print(f"| {start} | {str(dtype).removeprefix('torch.')} | {parts} |", flush=True)


if __name__ == "__main__":
    main()
