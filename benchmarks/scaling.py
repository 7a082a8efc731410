"""Measure training on one and several processes: images per second, and the time of each part of a step.

    python -m benchmarks.scaling --cfg yolov3-tiny --img-size 320 --batch-size 8 --processes 1 2

Each process has its own core (or GPU) and images; `--batch-size` is per process. Steps with and without averaging of
gradients alternate: their difference is the communication that the backward pass does not hide. The loader is timed
separately.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from yolo import distributed
from yolo.config.augment_settings import AugmentSettings
from yolo.config.loss_settings import LossSettings
from yolo.darknet.cfg_file import CfgFile
from yolo.data.dataset import DetectionDataset
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.loader import DetectionLoader, build_loader
from yolo.data.sample import Shard
from yolo.devices import select_device
from yolo.engine.optimizer import build_optimizer
from yolo.inference.detector import to_input
from yolo.losses.registry import build_loss
from yolo.model.graph import plan, with_classes
from yolo.model.network import Darknet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolo.data.sample import Batch


@dataclass(frozen=True)
class Times:
    """Median seconds of a step."""

    step: float
    without_communication: float
    data: float


def batches(loader: DetectionLoader) -> Iterator[Batch]:
    """Yield the batches of one epoch after another."""
    epoch = 0
    while True:
        loader.set_epoch(epoch, {})
        yield from loader
        epoch += 1


def measure(arguments: argparse.Namespace) -> tuple[Times, int]:
    """Return the times of a step on this process, and the size of its gradients in bytes."""
    device = select_device(arguments.device, distributed.local_rank())
    index = open_dataset(arguments.data).index("train")
    model = Darknet(with_classes(plan(CfgFile.read(arguments.cfg)), len(index.names)))
    model.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    distributed.broadcast_module(model)
    dataset = DetectionDataset(index=index, size=arguments.img_size, augment=AugmentSettings(), seed=0)
    loader = build_loader(
        dataset, batch_size=arguments.batch_size, workers=0, order="shuffled", seed=0,
        shard=Shard(distributed.rank(), distributed.world_size()),
    )  # fmt: skip
    optimizer = build_optimizer(model, "sgd", lr=1e-4, momentum=0.9, weight_decay=5e-4)
    loss = build_loss(LossSettings(), model)
    replica = distributed.replicate(model)
    source = batches(loader)
    times: dict[str, list[float]] = {"data": [], "synced": [], "unsynced": []}
    for number in range(2 * arguments.steps + 2):
        synced = number % 2 == 0
        start = time.perf_counter()
        batch = next(source)
        loaded = time.perf_counter()
        parallel_model = replica.wrap()
        with replica.sync_context(last=synced):
            images = to_input(batch.images, device)
            outputs = parallel_model(images)
            terms = loss(outputs, batch.targets.to(device), (arguments.img_size, arguments.img_size))
            torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if number > 1:
            times["data"].append(loaded - start)
            times["synced" if synced else "unsynced"].append(time.perf_counter() - loaded)
    data, step, unsynced = (statistics.median(times[name]) for name in ("data", "synced", "unsynced"))
    return Times(step + data, unsynced, data), sum(4 * parameter.numel() for parameter in model.parameters())


def run_rank(rank: int, world_size: int, port: int, arguments: argparse.Namespace, results: Any) -> None:
    """Run one process, pinned to its core, and send its result."""
    numbers = {"RANK": rank, "WORLD_SIZE": world_size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": world_size}
    os.environ.update({name: str(value) for name, value in numbers.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    if arguments.device == "cpu":
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[rank]})
        torch.set_num_threads(1)
    with distributed.join_group(distributed.GroupOptions(device=arguments.device)):
        results.put(measure(arguments))


def main() -> None:
    """Measure each number of processes, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cfg", default="yolov3-tiny")
    parser.add_argument("--data", default="shapes")
    parser.add_argument("--img-size", type=int, default=320)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    open_dataset(arguments.data).index("train")
    print("| processes | images/s | step, s | compute | communication | data | gradients, MB |")
    print("|---|---|---|---|---|---|---|")
    context = multiprocessing.get_context("spawn")
    for world_size in arguments.processes:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        results = context.Queue()
        ranks = [
            context.Process(target=run_rank, args=(rank, world_size, port, arguments, results))
            for rank in range(world_size)
        ]
        for process in ranks:
            process.start()
        found = [results.get() for _ in ranks]
        for process in ranks:
            process.join()
        step, compute, data = (
            statistics.mean(getattr(times, name) for times, _ in found)
            for name in ("step", "without_communication", "data")
        )
        print(
            f"| {world_size} | {world_size * arguments.batch_size / step:.1f} | {step:.3f} | {compute:.3f} | "
            f"{step - data - compute:.3f} | {data:.3f} | {found[0][1] / 1e6:.1f} |"
        )


if __name__ == "__main__":
    main()
