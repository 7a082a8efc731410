"""Every shipped network with and without its batch normalisation folded: how far outputs differ, and the time.

python benchmarks/fuse.py [--size 64]
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import nn

from yolo.layers.dense import Connected
from yolo.model.fusing import fuse
from yolo.model.network import Darknet
from yolo.storage import shipped_names

ALLOWED = 1e-5  # of an output's largest value
ROUNDS = 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    size = parser.parse_args().size
    print(f"{'network':24} {'difference':>10} {'plain ms':>9} {'fused ms':>9} {'ratio':>6}")
    for name in shipped_names("cfg", ".cfg"):
        model = trained(name).to(memory_format=torch.channels_last)
        fixed = any(isinstance(node.spec, Connected) for node in model.nodes)
        shape = model.net.input_shape[1:] if fixed else (size, size)
        images = torch.rand(1, 3, *shape).contiguous(memory_format=torch.channels_last)
        fused = fuse(model)
        with torch.inference_mode():
            pairs = zip(model(images), fused(images), strict=True)
            difference = max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs)
            plain_ms, fused_ms = times_ms(model, fused, images)
        print(f"{name:24} {difference:10.1e} {plain_ms:9.1f} {fused_ms:9.1f} {fused_ms / plain_ms:6.2f}", flush=True)
        assert difference < ALLOWED, name


def trained(name: str) -> Darknet:
    """A network whose statistics are not those of the start."""
    model = Darknet.from_cfg(name).eval()
    for norm in model.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.3, 2)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, 0, 0.3)
    return model


def times_ms(first: Darknet, second: Darknet, images: torch.Tensor) -> tuple[float, float]:
    """Medians, measured in turn."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for model, times in zip((first, second), taken, strict=True):
            start = time.perf_counter()
            model(images)
            times.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken[0]), statistics.median(taken[1])


if __name__ == "__main__":
    main()
