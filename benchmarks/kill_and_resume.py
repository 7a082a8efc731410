"""Kills a run with SIGKILL at random instants, resumes it each time, and compares its end with a run left alone.

    python -m benchmarks.kill_and_resume [--kills 20] [--seed 0]

Both train the drawn shapes in deterministic mode. Every resume must succeed, and the final weights, averages,
optimizer state and results.csv must be equal bit by bit.
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
    """Kill a run again and again."""

    kills: int = 20
    """How often."""
    epochs: int = 6
    """Length of the run."""
    seed: int = 0
    """Of the instants."""


def start(folder: Path, *flags: str) -> subprocess.Popen[bytes]:
    """Start training in a folder; its messages go to a file there."""
    command = [sys.executable, "-m", "yolo.train", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def differing(a: Any, b: Any, path: str = "") -> list[str]:
    """Where two trees of tensors and plain values differ."""
    if isinstance(a, torch.Tensor):
        return [] if torch.equal(a, b) else [path]
    if isinstance(a, dict):
        return [where for key in a for where in differing(a[key], b[key], f"{path}/{key}")]
    if isinstance(a, (list, tuple)):
        pairs = zip(a, b, strict=True)
        return [where for i, (x, y) in enumerate(pairs) for where in differing(x, y, f"{path}/{i}")]
    return [] if a == b else [path]


def main() -> None:
    """Run, kill, resume, compare."""
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
        print(f"left alone: {duration:.0f} s", flush=True)
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
                print(f"kill {kills}: after {instant:.1f} s, {where(killed)}", flush=True)
            else:
                duration = duration if resuming else time.monotonic() - begun
            if kills == arguments.kills or epochs_done(killed) == arguments.epochs:
                assert start(killed, "--resume").wait() == 0, (killed / "log.txt").read_text()[-2000:]
                compare(whole, killed)
                runs += 1
                (killed / "runs").rename(killed / f"runs{runs}")


def epochs_done(folder: Path) -> int:
    """By the newest checkpoint."""
    paths = list(folder.glob("runs/*/last.pt"))
    return int(load_checkpoint(paths[0])["state"]["epoch"]) if paths else 0


def where(folder: Path) -> str:
    """How far the newest checkpoint is."""
    paths = list(folder.glob("runs/*/last.pt"))
    if not paths:
        return "no checkpoint yet"
    state = load_checkpoint(paths[0])["state"]
    return f"checkpoint at epoch {state['epoch']}, batch {state['batches']}, step {state['step']}"


def compare(whole: Path, killed: Path) -> None:
    """Print what differs at the end."""
    (one,), (two,) = (list(folder.glob("runs/*/last.pt")) for folder in (whole, killed))
    faults = differing(load_checkpoint(one), load_checkpoint(two))
    if one.with_name("results.csv").read_text() != two.with_name("results.csv").read_text():
        faults.append("results.csv")
    assert not faults, faults
    print("equal bit by bit: weights, averages, optimizer, random states, results.csv", flush=True)


if __name__ == "__main__":
    main()
