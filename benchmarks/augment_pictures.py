"""Draws docs/images/augment_*.png: some inputs of the drawn data set for each kind of variation.

Usage: python benchmarks/augment_images.py [--data shapes] [--out docs/images] [--size 120] [--number 4]
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import tyro

from yolo.config.augment_settings import AugmentSettings
from yolo.data.dataset import DetectionDataset, Item
from yolo.data.formats.open_dataset import open_dataset
from yolo.visualization.drawing import draw_boxes

ALONE = {"hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0, "fliplr": 0.0, "mosaic": 0.0}
KINDS: dict[str, dict[str, float]] = {
    "none": {},
    "hsv": {"hsv_h": 0.0138, "hsv_s": 0.678, "hsv_v": 0.36},
    "flip": {"fliplr": 0.5, "flipud": 0.5},
    "affine": {"degrees": 15.0, "translate": 0.1, "scale": 0.4, "shear": 8.0},
    "perspective": {"perspective": 0.001},
    "jitter": {"jitter": 0.2, "resize": 1.3},
    "mosaic": {"mosaic": 1.0},
    "mosaic9": {"mosaic": 1.0, "mosaic9": 1.0},
    "mixup": {"mixup": 1.0},
    "cutout": {"cutout": 1.0},
    "blur": {"blur": 1.0},
    "noise": {"noise": 1.0},
}


def main(data: str = "shapes", out: Path = Path("docs/images"), size: int = 120, number: int = 4) -> None:
    """Write a strip of `number` inputs a kind."""
    cv2.setNumThreads(1)
    source = open_dataset(data)
    index = source.index("val")
    for kind, ranges in KINDS.items():
        dataset = DetectionDataset(index=index, size=size, augment=AugmentSettings(**{**ALONE, **ranges}), seed=0)
        strip = []
        for i in range(number):
            item = dataset[0, i]
            assert isinstance(item, Item)
            sample = item.sample
            class_ids = sample.class_ids.tolist()
            strip.append(draw_boxes(sample.image, sample.boxes_xyxy, [""] * len(class_ids), class_ids))
        path = out / f"augment_{kind}.png"
        cv2.imwrite(str(path), np.concatenate(strip, axis=1), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    tyro.cli(main)
