"""Memory and time of a training step with gradient checkpointing and without.

    OMP_NUM_THREADS=2 python benchmarks/grad_checkpoint.py --cfg yolov3 --sizes 416:2 608:1

Each row is a limit: the number of multiply-accumulates per output value from which the output of a convolution is kept.
With `0` no convolution is computed twice, with `none kept` every one.

Memory: the highest resident size of a separate process in one step (on a GPU: of torch's allocations), less what it was
before the step, with the model and its gradients allocated. Time: medians over steps, with the limits taking turns, in
processor seconds on a CPU (which other programs disturb less than wall-clock time), seconds between events on a GPU.
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
NO_CHECKPOINTING = "no checkpointing"
DEFAULT_LIMIT = activation_checkpointing.KEPT_MACS
LIMITS = {NO_CHECKPOINTING: None, "0": 0, "1024": 1024, str(DEFAULT_LIMIT): DEFAULT_LIMIT, "none kept": 10**9}


def main() -> None:
    """Measure each limit at each size."""
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
        memory = {name: memory_in_own_process(given.cfg, size, batch, name) for name in LIMITS}
        seconds = step_times(given.cfg, size, batch, given.steps, device)
        print(f"{given.cfg}, {batch} x {size} px, {device}")
        print("| limit | memory, MB | memory saved | time, s | extra time |\n|---|---|---|---|---|")
        for name in LIMITS:
            saved, more = 1 - memory[name] / memory[NO_CHECKPOINTING], seconds[name] / seconds[NO_CHECKPOINTING] - 1
            print(f"| {name} | {memory[name] / MB:.0f} | {saved:.0%} | {seconds[name]:.2f} | {more:+.0%} |")


def build_inputs(cfg: str, size: int, batch: int, device: torch.device) -> tuple[Darknet, Tensor]:
    """Return a model in training mode with allocated gradients, and images."""
    seed_everything(0)
    model = Darknet.from_cfg(cfg).to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter).add_(1)  # touched, so that its memory counts from here on
    return model, torch.rand(batch, 3, size, size, device=device).to(memory_format=torch.channels_last)


def set_limit(model: Darknet, name: str) -> None:
    """Switch gradient checkpointing off or on, with a limit."""
    limit = LIMITS[name]
    if limit is None:
        model.gradient_checkpointing_disable()
    else:
        activation_checkpointing.KEPT_MACS = limit
        model.gradient_checkpointing_enable()


def step(model: Darknet, x: Tensor) -> None:
    """Run one forward and backward pass."""
    torch.stack([raw.square().mean() for raw in model(x)]).sum().backward()


def peak_memory(cfg: str, size: int, batch: int, name: str, device: torch.device) -> int:
    """Return the peak memory of the first step of this process, in bytes beyond that before the step."""
    model, x = build_inputs(cfg, size, batch, device)
    set_limit(model, name)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step(model, x)
        return torch.cuda.max_memory_allocated() - before
    before = psutil.Process().memory_info().rss
    step(model, x)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before


def memory_in_own_process(cfg: str, size: int, batch: int, name: str) -> int:
    """Return `peak_memory`, measured in a new process that returns freed memory to the system at once."""
    command = [sys.executable, __file__, "--cfg", cfg, "--sizes", f"{size}:{batch}", "--memory-of", name]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "262144"}
    return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def step_times(cfg: str, size: int, batch: int, steps: int, device: torch.device) -> dict[str, float]:
    """Return the median seconds per step of each limit; limits take turns, and the first round is a warm-up."""
    model, x = build_inputs(cfg, size, batch, device)
    times: dict[str, list[float]] = {name: [] for name in LIMITS}
    for round_ in range(steps + 1):
        for name, measured in times.items():
            set_limit(model, name)
            seconds = timed_step(model, x, device)
            if round_:
                measured.append(seconds)
    return {name: statistics.median(measured) for name, measured in times.items()}


def timed_step(model: Darknet, x: Tensor, device: torch.device) -> float:
    """Return the seconds of one step."""
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
