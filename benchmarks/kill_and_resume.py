"""Kill a run with SIGKILL at random times, resume it each time, and compare the result with an uninterrupted run.

    python -m benchmarks.kill_and_resume [--kills 20] [--seed 0]

Both train the drawn shapes in deterministic mode. Every resume must succeed, and the final weights, averages,
optimizer state and results.csv must be bit-identical.
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import tyro

from yolo.checkpoints.checkpoint_file import load_checkpoint

ROOT = Path(__file__).parents[1]
FLAGS = (
    "--data=shapes --hyp=shapes --cfg=shapes --img-size=96 --workers=1 --device=cpu --deterministic "
    "--checkpoint-minutes=0.02"
)


@dataclass(frozen=True)
class Arguments:
    """Kill a run repeatedly, and compare it with an uninterrupted one."""

    kills: int = 20
    """Number of kills."""
    epochs: int = 6
    """Number of epochs of the run."""
    seed: int = 0
    """Seed of the times."""


def start(folder: Path, *flags: str) -> subprocess.Popen[bytes]:
    """Start training in a folder; the log is written there."""
    command = [sys.executable, "-m", "yolo.train", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def differing(a: Any, b: Any, path: str = "") -> list[str]:
    """Return the paths at which two trees of tensors and plain values differ."""
    if isinstance(a, torch.Tensor):
        return [] if torch.equal(a, b) else [path]
    if isinstance(a, dict):
        return [where for key in a for where in differing(a[key], b[key], f"{path}/{key}")]
    if isinstance(a, (list, tuple)):
        pairs = zip(a, b, strict=True)
        return [where for i, (x, y) in enumerate(pairs) for where in differing(x, y, f"{path}/{i}")]
    return [] if a == b else [path]


def main() -> None:
    """Train, kill, resume and compare."""
    arguments = tyro.cli(Arguments)
    rng = random.Random(arguments.seed)
    flags = [*shlex.split(FLAGS), "--epochs", str(arguments.epochs)]
    with tempfile.TemporaryDirectory() as scratch:
        whole, killed = Path(scratch) / "whole", Path(scratch) / "killed"
        for folder in (whole, killed):
            (folder / "datasets").mkdir(parents=True)
        started = time.monotonic()
        assert start(whole, *flags).wait() == 0, (whole / "log.txt").read_text()
        duration = time.monotonic() - started
        print(f"uninterrupted: {duration:.0f} s", flush=True)
        kills = runs = 0
        while kills < arguments.kills:
            resuming = bool(list(killed.glob("runs/*/settings.yaml")))
            begun, instant = time.monotonic(), rng.uniform(0, duration)
            process = start(killed, *(["--resume"] if resuming else flags))
            try:
                assert process.wait(timeout=instant) == 0, (killed / "log.txt").read_text()[-2000:]
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
                print(f"kill {kills}: after {instant:.1f} s, {describe_progress(killed)}", flush=True)
            else:
                duration = duration if resuming else time.monotonic() - begun
            if kills == arguments.kills or epochs_done(killed) == arguments.epochs:
                assert start(killed, "--resume").wait() == 0, (killed / "log.txt").read_text()[-2000:]
                compare(whole, killed)
                runs += 1
                (killed / "runs").rename(killed / f"runs{runs}")


def epochs_done(folder: Path) -> int:
    """Return the number of epochs of the newest checkpoint."""
    paths = list(folder.glob("runs/*/last.pt"))
    return int(load_checkpoint(paths[0])["state"]["epoch"]) if paths else 0


def describe_progress(folder: Path) -> str:
    """Describe the newest checkpoint."""
    paths = list(folder.glob("runs/*/last.pt"))
    if not paths:
        return "no checkpoint yet"
    state = load_checkpoint(paths[0])["state"]
    return f"checkpoint at epoch {state['epoch']}, batch {state['batches']}, step {state['step']}"


def compare(whole: Path, killed: Path) -> None:
    """Check that both runs ended with the same files."""
    (one,), (two,) = (list(folder.glob("runs/*/last.pt")) for folder in (whole, killed))
    states = [load_checkpoint(path) for path in (one, two)]
    for state in states:
        del state["callback Clock"]  # the time that a run took
    differences = differing(*states)
    if one.with_name("results.csv").read_text() != two.with_name("results.csv").read_text():
        differences.append("results.csv")
    assert not differences, differences
    print("equal bit by bit: weights, averages, optimizer, random states, results.csv", flush=True)


if __name__ == "__main__":
    main()
