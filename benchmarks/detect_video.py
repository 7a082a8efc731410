"""Measure frames per second of detection in a video and, alternately, of the forward pass only.

python benchmarks/detect_video.py VIDEO --weights W [--cfg C] [--batch-size 8] [--rect]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

import yolo
from yolo.config.predict_settings import PredictSettings
from yolo.inference.detector import letterbox_batch, to_input
from yolo.inference.predictor import NUM_PREFETCHED
from yolo.inference.result_writers import DrawingWriter, JsonWriter, ResultWriters
from yolo.inference.sources.open_sources import open_sources
from yolo.inference.sources.prefetch import prefetch

ROUNDS = 5


def main() -> None:
    """Measure and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--cfg")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rect", action="store_true")
    given = parser.parse_args()
    network = (given.cfg, given.weights) if given.cfg else (given.weights,)
    plain, fused = (yolo.load(*network, fuse=fuse) for fuse in (False, True))
    settings = PredictSettings(batch_size=given.batch_size, rect=given.rect)
    (source,) = open_sources([str(given.video)])
    frames = [frame.image for frame in source.frames()]
    size = fused.img_size or fused.model.net.width
    images = to_input(
        letterbox_batch(frames[: given.batch_size], (size, size)).images, next(fused.model.parameters()).device
    )
    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, predictor in (("forward", plain), ("forward, fused", fused)):
            start = time.perf_counter()
            with torch.inference_mode():
                for _ in range(0, len(frames), given.batch_size):
                    predictor.model(images)
            rates.setdefault(name, []).append(len(frames) / (time.perf_counter() - start))
        for name, writes in (("read, detect", False), ("read, detect, draw, write", True)):
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                writers = [DrawingWriter(Path(folder)), JsonWriter(Path(folder) / "d.json")] if writes else []
                with ResultWriters(writers) as all_writers:
                    for result in prefetch(fused.results([source], settings), NUM_PREFETCHED):
                        all_writers.write(result)
            rates.setdefault(name, []).append(len(frames) / (time.perf_counter() - start))
    height, width = frames[0].shape[:2]
    print(f"{len(frames)} frames of {width}x{height}, input {size}, batches of {given.batch_size}")
    for name, values in rates.items():
        print(f"{name:28} {statistics.median(values):7.1f} frames/s")


if __name__ == "__main__":
    main()
