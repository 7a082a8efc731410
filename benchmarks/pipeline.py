"""How fast training inputs are made, beside what decoding and resizing alone allow; and that mosaics are fair.

Usage: python benchmarks/pipeline.py [--data shapes] [--split train] [--sizes 416 640] [--workers 0 1 2] [--cpu]

One thread a worker; 0 workers: in this process. Each rate is the best of a few passes, by the clock on the wall; --cpu
counts this process's processor time instead, for a machine that is shared with others.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import tyro

from yolo.config.augment_settings import AugmentSettings
from yolo.data.cache.build_cache import build_cache
from yolo.data.dataset import DetectionDataset
from yolo.data.decode import read_indexed_image
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.loader import build_loader
from yolo.data.transforms import resize, tile_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolo.data.index import Index

MOVES = {"degrees": 5.0, "translate": 0.1, "scale": 0.3, "shear": 3.0}
RECIPES = {
    "mosaic, colour, flip": AugmentSettings(),
    "the same, no mosaic": AugmentSettings(mosaic=0),
    "mosaic, moves, colour, flip": AugmentSettings(**MOVES),
    "the same, no mosaic ": AugmentSettings(mosaic=0, **MOVES),
    "mosaic of nine": AugmentSettings(mosaic9=1),
    "all there is": AugmentSettings(
        mosaic9=0.5, mixup=0.2, jitter=0.2, perspective=0.0005, blur=0.1, noise=0.1, cutout=0.5
    ),
}


@dataclass(frozen=True)
class Settings:
    """What to measure."""

    data: str = "shapes"
    """A data set, as for training."""
    split: str = "train"
    """Of the data set."""
    sizes: tuple[int, ...] = (416, 640)
    """Sides of the input, pixels."""
    workers: tuple[int, ...] = (0, 1, 2)
    """Numbers of workers."""
    images: int = 200
    """Inputs a pass, rounded up to whole epochs."""
    passes: int = 3
    """Of which the best counts."""
    cpu: bool = False
    """Count processor time; only without workers."""


def main(settings: Settings) -> None:
    """Print the tables."""
    cv2.setNumThreads(1)
    index = open_dataset(settings.data).index(settings.split)
    clock = time.process_time if settings.cpu else time.perf_counter
    for size in settings.sizes:
        print(f"\n{size} px, inputs/s")
        _print_rate("decode and resize", _decoding(index, size, settings.images), settings, clock)
        for kind in ("none", "ram"):
            for name, augment in RECIPES.items():
                for workers in (0,) if settings.cpu else settings.workers:
                    one_pass = _batches(index, size, augment, kind, workers, settings.images)
                    _print_rate(f"{name}; cache {kind}, {workers} workers", one_pass, settings, clock)
    _print_fairness(index, settings.sizes[0])


def _print_rate(name: str, one_pass: Callable[[], int], settings: Settings, clock: Callable[[], float]) -> None:
    """Of a pass that says how many inputs it made."""
    one_pass()
    best = 0.0
    for _ in range(settings.passes):
        start = clock()
        number = one_pass()
        best = max(best, number / (clock() - start))
    print(f"  {best:7.0f}  {name}", flush=True)


def _decoding(index: Index, size: int, images: int) -> Callable[[], int]:
    def one_pass() -> int:
        for number in range(images):
            i = number % len(index)
            resize(read_indexed_image(index.path(i), index.size(i)), tile_size(index.size(i), size))
        return images

    return one_pass


def _batches(
    index: Index, size: int, augment: AugmentSettings, kind: Literal["none", "ram"], workers: int, images: int
) -> Callable[[], int]:
    dataset = DetectionDataset(index=index, size=size, augment=augment, seed=0, cache=build_cache(kind, index, size))
    if kind == "ram":
        for i in range(len(index)):
            dataset.tile(i)
    loader = build_loader(dataset, batch_size=16, workers=workers, order="shuffled", seed=0)
    epochs = -(-images // len(index))

    def one_pass() -> int:
        number = 0
        for epoch in range(epochs):
            loader.set_epoch(epoch, {})
            number += sum(len(batch) for batch in loader)
        return number

    return one_pass


def _print_fairness(index: Index, size: int) -> None:
    """Over some epochs of mosaics: how often each image is used, and how many boxes of what size there are."""

    class Counted(DetectionDataset):
        used = np.zeros(len(index), int)

        def tile(self, i: int):  # noqa: ANN202
            self.used[i] += 1
            return super().tile(i)

    dataset = Counted(index=index, size=size, augment=AugmentSettings(), seed=0, cache=build_cache("ram", index, size))
    epochs = 1 + 2000 // len(index)
    boxes = []
    for epoch in range(epochs):
        boxes += [dataset[epoch, i].sample.boxes_xyxy for i in range(len(index))]
    partners = dataset.used - epochs  # each is used once an epoch for itself
    sides = np.sqrt(np.prod(np.concatenate(boxes)[:, 2:] - np.concatenate(boxes)[:, :2], axis=1))
    counts = [len(b) for b in boxes]
    print(f"\nmosaics of {epochs} epochs at {size} px")
    print(f"  partners an image: mean {partners.mean():.1f}, deviation {partners.std():.1f} (drawn evenly: ", end="")
    print(f"{np.sqrt(partners.mean()):.1f}), least {partners.min()}, most {partners.max()}")
    print(f"  boxes a mosaic, percentiles 10 50 90: {np.percentile(counts, [10, 50, 90])}, mean {np.mean(counts):.2f}")
    print(f"  side of a box, percentiles 10 50 90: {np.percentile(sides, [10, 50, 90]).round(1)} pixels")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main(tyro.cli(Settings))
