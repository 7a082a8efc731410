"""Memory and time of a training step with gradient checkpointing and without.

    OMP_NUM_THREADS=2 python benchmarks/grad_checkpoint.py --cfg yolov3 --sizes 416:2 608:1

Memory: the highest resident size of a process of its own in one step (on a GPU: of torch's allocations), less what it
was before the step with the model and its gradients in place. Time: medians of steps of all ways in turn, processor
seconds on a CPU (which other programs disturb less than the clock), seconds between events on a GPU. Bounds other
than the package's are given in multiply-accumulates a value: `0` computes no convolution twice, `all` every one.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

import psutil
import torch
from torch import Tensor

from yolo import Darknet
from yolo.model import activation_checkpointing
from yolo.rng import seed_everything

MB = 1e6
WAYS = {"off": None, "0": 0, "1024": 1024, "package": activation_checkpointing.KEPT_MACS, "all": 10**9}


def main() -> None:
    """Measure each way at each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cfg", default="yolov3")
    parser.add_argument("--sizes", nargs="+", default=["416:2", "608:1"], help="side in pixels:images")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    given = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for size, batch in (map(int, pair.split(":")) for pair in given.sizes):
        if given.memory_of:
            print(peak_memory(given.cfg, size, batch, given.memory_of, device))
            return
        memory = {way: memory_in_own_process(given.cfg, size, batch, way) for way in WAYS}
        seconds = step_times(given.cfg, size, batch, given.steps, device)
        print(f"{given.cfg}, {batch} x {size} px, {device}")
        print("| way | memory, MB | saved | time, s | more |\n|---|---|---|---|---|")
        for way in WAYS:
            saved, more = 1 - memory[way] / memory["off"], seconds[way] / seconds["off"] - 1
            print(f"| {way} | {memory[way] / MB:.0f} | {saved:.0%} | {seconds[way]:.2f} | {more:+.0%} |")


def ready(cfg: str, size: int, batch: int, device: torch.device) -> tuple[Darknet, Tensor]:
    """A model in training mode with gradients in place, and images."""
    seed_everything(0)
    model = Darknet.from_cfg(cfg).to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter).add_(1)  # touched, so that its memory counts from here on
    return model, torch.rand(batch, 3, size, size, device=device).to(memory_format=torch.channels_last)


def choose(model: Darknet, way: str) -> None:
    """Set how the next steps are computed."""
    bound = WAYS[way]
    if bound is None:
        model.gradient_checkpointing_disable()
    else:
        activation_checkpointing.KEPT_MACS = bound
        model.gradient_checkpointing_enable()


def step(model: Darknet, x: Tensor) -> None:
    """One forward and backward pass."""
    torch.stack([raw.square().mean() for raw in model(x)]).sum().backward()


def peak_memory(cfg: str, size: int, batch: int, way: str, device: torch.device) -> int:
    """Bytes that the first step of this process adds at its peak."""
    model, x = ready(cfg, size, batch, device)
    choose(model, way)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step(model, x)
        return torch.cuda.max_memory_allocated() - before
    before = psutil.Process().memory_info().rss
    step(model, x)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before


def memory_in_own_process(cfg: str, size: int, batch: int, way: str) -> int:
    """`peak_memory`, in a process whose freed blocks go back to the system at once."""
    command = [sys.executable, __file__, "--cfg", cfg, "--sizes", f"{size}:{batch}", "--memory-of", way]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "262144"}
    return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def step_times(cfg: str, size: int, batch: int, steps: int, device: torch.device) -> dict[str, float]:
    """Median seconds a step of each way, all in turn after one step to warm up."""
    model, x = ready(cfg, size, batch, device)
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for round_ in range(steps + 1):
        for way, measured in times.items():
            choose(model, way)
            seconds = timed_step(model, x, device)
            if round_:
                measured.append(seconds)
    return {way: statistics.median(measured) for way, measured in times.items()}


def timed_step(model: Darknet, x: Tensor, device: torch.device) -> float:
    """Seconds of one step."""
    if device.type != "cuda":
        start = time.process_time()
        step(model, x)
        return time.process_time() - start
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    step(model, x)
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1000


if __name__ == "__main__":
    main()
