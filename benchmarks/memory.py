"""Memory of training's data pipeline over epochs: it must be flat.

Usage: python benchmarks/memory.py [--images 100000] [--epochs 3] [--workers 2] [--cache none]

The index has so many images, all of them one small file. PSS is counted: of a page that n processes share, each has a
part in n, so that the sum over the processes is what the machine has to give. The second figure leaves out parts of
program files, which change with what else runs on the machine (Linux only).
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import psutil
import tyro

from yolo.config.augment_settings import AugmentSettings
from yolo.config.train_settings import CacheKind
from yolo.data.cache.build_cache import build_cache
from yolo.data.dataset import DetectionDataset
from yolo.data.index import Index, Record
from yolo.data.loader import build_loader


@dataclass(frozen=True)
class Settings:
    """What to measure."""

    images: int = 100_000
    """In the index."""
    epochs: int = 3
    """Over it."""
    workers: int = 2
    """Processes that make batches."""
    size: int = 32
    """Side of the input, pixels; small, since only memory counts."""
    batch_size: int = 64
    """Inputs a batch."""
    cache: CacheKind = "none"
    """As for training."""


def main(settings: Settings) -> None:
    """Print a row a part of an epoch."""
    with tempfile.TemporaryDirectory() as folder:
        index = _index(Path(folder), settings.images)
        dataset = DetectionDataset(
            index=index,
            size=settings.size,
            augment=AugmentSettings(),
            seed=0,
            cache=build_cache(settings.cache, index, settings.size),
        )
        loader = build_loader(
            dataset, batch_size=settings.batch_size, workers=settings.workers, order="shuffled", seed=0
        )
        every = len(loader) // 4
        print("epoch   batch   seconds   PSS of all, MB   without files   of each")
        start = time.perf_counter()
        for epoch in range(settings.epochs):
            loader.set_epoch(epoch, {})
            for number, _ in enumerate(loader):
                if number % every == every - 1:
                    this = psutil.Process()
                    processes = [this, *this.children(recursive=True)]
                    whole = sum(process.memory_full_info().pss for process in processes) / 1e6
                    parts = [_pss_without_files(process.pid) for process in processes]
                    each = " ".join(f"{part:.1f}" for part in parts)
                    passed = time.perf_counter() - start
                    row = f"{epoch:5d} {number:7d} {passed:9.0f} {whole:16.1f} {sum(parts):15.1f}"
                    print(f"{row}   {each}", flush=True)


def _index(folder: Path, images: int) -> Index:
    path = folder / "a.jpg"
    cv2.imwrite(str(path), np.full((24, 32, 3), 90, np.uint8))
    boxes = np.array([(2, 2, 20, 20), (5, 8, 30, 22)], float)
    record = Record(path, 32, 24, boxes, np.array([0, 1]), np.zeros(2, np.bool_))
    return Index.from_records(["a", "b"], [record] * images)


def _pss_without_files(pid: int) -> float:
    """MB of a process's own and shared memory."""
    path = Path(f"/proc/{pid}/smaps_rollup")
    rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return sum(int(row[1]) for row in rows if row[0] in ("Pss_Anon:", "Pss_Shmem:")) / 1e3


if __name__ == "__main__":
    main(tyro.cli(Settings))
