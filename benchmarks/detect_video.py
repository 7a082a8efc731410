"""Measure frames per second of detection in a video and, alternately, of the forward pass only.

python benchmarks/detect_video.py VIDEO --weights W [--cfg C] [--batch-size 8] [--rect]
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

import yolo
from yolo.config.predict_settings import PredictSettings
from yolo.inference.detector import letterbox_batch, to_input
from yolo.inference.predictor import NUM_PREFETCHED
from yolo.inference.result_writers import DrawingWriter, JsonWriter, ResultWriters
from yolo.inference.sources.open_sources import open_sources
from yolo.inference.sources.prefetch import prefetch

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolo.inference.predictor import Predictor
    from yolo.inference.sources.frame import FrameSource

ROUNDS = 5


def main() -> None:
    """Measure and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--cfg")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rect", action="store_true")
    arguments = parser.parse_args()
    network = (arguments.cfg, arguments.weights) if arguments.cfg else (arguments.weights,)
    plain, fused = (yolo.load(*network, fuse=fuse) for fuse in (False, True))
    settings = PredictSettings(batch_size=arguments.batch_size, rect=arguments.rect)
    (source,) = open_sources([str(arguments.video)])
    frames = [frame.image for frame in source.frames()]
    side = fused.img_size or fused.model.net.width
    batch = letterbox_batch(frames[: arguments.batch_size], (side, side))
    images = to_input(batch.images, next(fused.model.parameters()).device)
    num_batches = math.ceil(len(frames) / arguments.batch_size)
    variants: dict[str, Callable[[], None]] = {
        "forward": lambda: run_forward(plain, images, num_batches),
        "forward, fused": lambda: run_forward(fused, images, num_batches),
        "read, detect": lambda: detect_video(fused, source, settings, write=False),
        "read, detect, draw, write": lambda: detect_video(fused, source, settings, write=True),
    }
    rates: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, run in variants.items():
            start = time.perf_counter()
            run()
            rates[name].append(len(frames) / (time.perf_counter() - start))
    height, width = frames[0].shape[:2]
    print(f"{len(frames)} frames of {width}x{height}, input {side}, batches of {arguments.batch_size}")
    for name, values in rates.items():
        print(f"{name:28} {statistics.median(values):7.1f} frames/s")


@torch.inference_mode()
def run_forward(predictor: Predictor, images: torch.Tensor, num_batches: int) -> None:
    """Run the network on the same batch several times."""
    for _ in range(num_batches):
        predictor.model(images)


def detect_video(predictor: Predictor, source: FrameSource, settings: PredictSettings, *, write: bool) -> None:
    """Detect in all frames of a video, and write a drawn video and JSON if asked to."""
    with tempfile.TemporaryDirectory() as folder:
        writers = [DrawingWriter(Path(folder)), JsonWriter(Path(folder) / "d.json")] if write else []
        with ResultWriters(writers) as all_writers:
            for result in prefetch(predictor.results([source], settings), NUM_PREFETCHED):
                all_writers.write(result)


if __name__ == "__main__":
    main()
