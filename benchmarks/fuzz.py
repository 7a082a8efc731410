"""Feeds damaged network and weights files to their readers: the outcome must be a model or a `YoloError`.

Usage: python benchmarks/fuzz.py [--seconds 60] [--seed 0]

Network files are the shipped ones, cut to a few sections, with lines deleted, doubled, swapped, and values replaced;
networks are built without memory for their tensors. Weights files are those of a small network, cut, lengthened and
overwritten.
"""

from __future__ import annotations

import logging
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from yolo.darknet.cfg_file import CfgFile
from yolo.errors import YoloError
from yolo.model.network import Darknet
from yolo.storage import shipped_folder

VALUES = (
    "", "0", "-1", "1", "2", "3", "7", "1000000", "99999999999999999999", "-99999999999999999999", "1e9", "1e-9", "nan",
    "inf", ".5", "x", "-", "=", ",", "1,,2", "-1,-2,-3", "0,1,2,3,4,5,6,7,8", "leaky", "mish", "#", "3#",
)  # fmt: skip
SMALL = """[net]
width=32
height=32
[conv]
filters=4
batch_normalize=1
[conv]
filters=18
[yolo]
classes=1
num=3
anchors=1,1,2,2,3,3
"""


@dataclass(frozen=True)
class Arguments:
    """Fuzz the readers of network and weights files."""

    seconds: float = 60.0
    """How long, half for each kind of file."""
    seed: int = 0
    """Of the damage."""


def damaged_cfg(rng: random.Random, texts: list[str]) -> str:
    """A shipped network file, cut to a few sections and damaged."""
    sections = rng.choice(texts).split("\n[")
    keep = rng.randint(1, min(30, len(sections)))
    lines = "\n[".join(sections[:keep]).split("\n")
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(lines))
        match rng.randrange(6):
            case 0:
                del lines[at : at + rng.randint(1, 3)]
                lines = lines or [""]
            case 1:
                lines.insert(at, lines[rng.randrange(len(lines))])
            case 2:
                lines[at] = f"{lines[at].split('=')[0]}={rng.choice(VALUES)}"
            case 3:
                lines.insert(at, f"[{rng.choice(rng.choice(texts).split('[')[1:]).split(']')[0]}]")
            case 4:
                lines[at] = lines[at][: rng.randint(0, len(lines[at]))]
            case _:
                lines.insert(at, "".join(chr(rng.randrange(1, 0x250)) for _ in range(rng.randint(1, 12))))
    return "\n".join(lines)


def damaged_weights(rng: random.Random, whole: bytes) -> bytes:
    """A weights file, cut, lengthened or overwritten."""
    data = bytearray(whole[: rng.randint(0, len(whole))] if rng.random() < 0.6 else whole)
    if rng.random() < 0.4:
        data += rng.randbytes(rng.randint(1, 64))
    for _ in range(rng.randint(0, 4)):
        if data:
            data[rng.randrange(min(len(data), rng.choice((12, 20, len(data)))))] = rng.randrange(256)
    return bytes(data)


def outcome(attempt: Callable[[], None]) -> str:
    """How an attempt ended."""
    try:
        attempt()
    except YoloError as error:
        return type(error).__name__
    return "a model"


def count(title: str, seconds: float, attempt: Callable[[], None]) -> None:
    """Run attempts until the time is up, and print how they ended; any other error ends the program."""
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        outcomes[outcome(attempt)] += 1
    print(f"{title}: {outcomes.total():,} inputs: " + ", ".join(f"{n:,} {name}" for name, n in outcomes.most_common()))


def main() -> None:
    """Fuzz both readers."""
    arguments = tyro.cli(Arguments)
    logging.disable(logging.WARNING)
    rng = random.Random(arguments.seed)
    texts = [path.read_text() for path in sorted(shipped_folder("cfg").glob("*.cfg"))]

    def cfg() -> None:
        text = damaged_cfg(rng, texts)
        try:
            with torch.device("meta"):
                Darknet.from_cfg(CfgFile.parse(text))
        except Exception as error:
            if not isinstance(error, YoloError):
                Path("fuzz-failure.cfg").write_text(text)
            raise

    model = Darknet.from_cfg(CfgFile.parse(SMALL))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.weights"
        model.save_weights(path)
        whole = path.read_bytes()

        def weights() -> None:
            path.write_bytes(damaged_weights(rng, whole))
            model.load_weights(path)

        count("network files", arguments.seconds / 2, cfg)
        count("weights files", arguments.seconds / 2, weights)


if __name__ == "__main__":
    main()
