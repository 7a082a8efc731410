"""COCO's twelve numbers beside pycocotools', and the time that each takes.

python -m benchmarks.coco_metrics [--images 5000 --classes 80 --detections 100]

Truth and detections are drawn: boxes of all sizes, crowds, outlines smaller than their boxes, equal scores, detections
near the truth and elsewhere. Exits with 1 where a number differs by more than 1e-6. Needs pycocotools.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from yolo.data.index import Index, Record
from yolo.evaluation.metrics.coco_metrics import CocoMetrics, compute_coco_metrics
from yolo.evaluation.metrics.flat_detections import FlatDetections, gt_image_ids

NUMBERS = (
    "map50_95", "map50", "map75", "map_small", "map_medium", "map_large",
    "recall_1", "recall_10", "recall_100", "recall_small", "recall_medium", "recall_large",
)  # fmt: skip
TOLERANCE = 1e-6
SIDE = 640  # of an image, pixels


@dataclass(frozen=True)
class Options:
    """How much to compare."""

    images: int = 5000
    classes: int = 80
    detections: int = 100
    """Of each image."""
    crowds: float = 0.05
    """Share of the truth."""
    seed: int = 0


def draw(options: Options) -> tuple[Index, FlatDetections]:
    """A split with its truth, and detections of which about a third are near some truth."""
    rng = np.random.default_rng(options.seed)
    records, image_id, xyxy, score, class_id = [], [], [], [], []
    for image in range(options.images):
        count = int(rng.integers(0, 15))
        truth = _boxes(rng, count)
        classes = rng.integers(0, options.classes, count)
        areas = (truth[:, 2:] - truth[:, :2]).prod(axis=1) * rng.uniform(0.4, 1, count)
        crowd = rng.random(count) < options.crowds
        records.append(Record(Path(f"{image}.jpg"), SIDE, SIDE, truth, classes, crowd, areas))
        near = rng.integers(0, count, options.detections // 3 if count else 0)
        shift = rng.normal(0, 0.12, (len(near), 4)) * np.tile(truth[near, 2:] - truth[near, :2], 2)
        elsewhere = options.detections - len(near)
        xyxy += [truth[near] + shift, _boxes(rng, elsewhere)]
        hits = np.where(rng.random(len(near)) < 0.8, classes[near], rng.integers(0, options.classes, len(near)))
        class_id += [hits, rng.integers(0, options.classes, elsewhere)]
        score.append(rng.random(options.detections).round(3))
        image_id.append(np.full(options.detections, image))
    index = Index.from_records([f"class {k}" for k in range(options.classes)], records)
    columns = (np.concatenate(part) for part in (image_id, xyxy, score, class_id))
    return index, FlatDetections(*columns)


def pycocotools_numbers(index: Index, found: FlatDetections) -> list[float]:
    """The twelve numbers by the original."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": i, "width": SIDE, "height": SIDE} for i in range(len(index))],
        "categories": [{"id": k, "name": name} for k, name in enumerate(index.names)],
        "annotations": [
            {"id": i, "image_id": image, "category_id": k, "bbox": bbox, "area": area, "iscrowd": int(crowd)}
            for i, (image, k, bbox, area, crowd) in enumerate(
                zip(
                    gt_image_ids(index).tolist(),
                    index.all_class_ids.tolist(),
                    _corner_and_size(index.all_boxes_xyxy),
                    index.all_areas.tolist(),
                    index.all_ignore.tolist(),
                    strict=True,
                ),
                start=1,
            )
        ],
    }
    truth.createIndex()
    columns = (found.image_id.tolist(), found.class_id.tolist(), _corner_and_size(found.xyxy), found.score.tolist())
    keys = ("image_id", "category_id", "bbox", "score")
    results = truth.loadRes([dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)])
    run = COCOeval(truth, results, "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
    return [float(number) for number in run.stats]


def compare(metrics: CocoMetrics, theirs: list[float]) -> list[tuple[str, float, float]]:
    """Name, our number, theirs."""
    return [(name, getattr(metrics, name), number) for name, number in zip(NUMBERS, theirs, strict=True)]


def main() -> None:
    """Compare and time."""
    index, found = draw(tyro.cli(Options))
    print(f"{len(index)} images, {len(index.names)} classes, {len(index.all_ignore)} objects, ", end="")
    print(f"{int(index.all_ignore.sum())} of them crowds, {len(found)} detections")
    start = time.perf_counter()
    metrics = compute_coco_metrics(index, found)
    ours_s = time.perf_counter() - start
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = pycocotools_numbers(index, found)
    theirs_s = time.perf_counter() - start
    rows = compare(metrics, theirs)
    for name, ours, their in rows:
        print(f"{name:14} {ours:.9f} {their:.9f} {abs(ours - their):.1e}")
    print(f"yolo {ours_s:.1f} s (with precision, recall and matches), pycocotools {theirs_s:.1f} s")
    sys.exit(any(not abs(ours - their) <= TOLERANCE for _, ours, their in rows))


def _boxes(rng: np.random.Generator, count: int) -> Any:
    size = np.exp(rng.uniform(np.log(8), np.log(300), (count, 2)))
    corner = rng.uniform(0, SIDE - size)
    return np.concatenate([corner, corner + size], axis=1)


def _corner_and_size(boxes_xyxy: Any) -> Any:
    return np.concatenate([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]], axis=1).tolist()


if __name__ == "__main__":
    main()
