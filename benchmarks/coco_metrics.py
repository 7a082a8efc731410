"""Compare COCO's twelve metrics, and the time they take, with pycocotools.

python -m benchmarks.coco_metrics [--images 5000 --classes 80 --detections 100]

Ground truth and detections are random: boxes of all sizes, crowds, outlines smaller than their boxes, equal scores,
detections near objects and elsewhere. Exits with 1 if a metric differs by more than 1e-6. Needs pycocotools.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tyro

from yolo.data.index import Index, Record
from yolo.evaluation.metrics.coco_match import xyxy_to_coco_bbox
from yolo.evaluation.metrics.coco_metrics import compute_coco_metrics
from yolo.evaluation.metrics.flat_detections import FlatDetections, gt_image_ids

if TYPE_CHECKING:
    import numpy.typing as npt

METRICS = (
    "map50_95", "map50", "map75", "map_small", "map_medium", "map_large",
    "recall_1", "recall_10", "recall_100", "recall_small", "recall_medium", "recall_large",
)  # fmt: skip
TOLERANCE = 1e-6
IMAGE_SIZE = 640  # width and height, pixels


@dataclass(frozen=True)
class Options:
    """Size of the comparison."""

    images: int = 5000
    classes: int = 80
    detections: int = 100
    """Per image."""
    crowds: float = 0.05
    """Share of the ground truth."""
    seed: int = 0


def draw_split(options: Options) -> tuple[Index, FlatDetections]:
    """Draw the ground truth of a split, and detections of which about a third are near an object."""
    rng = np.random.default_rng(options.seed)
    records, image_id, xyxy, score, class_id = [], [], [], [], []
    for image in range(options.images):
        num_gt = int(rng.integers(0, 15))
        gt_xyxy = _draw_boxes(rng, num_gt)
        gt_class_id = rng.integers(0, options.classes, num_gt)
        areas = (gt_xyxy[:, 2:] - gt_xyxy[:, :2]).prod(axis=1) * rng.uniform(0.4, 1, num_gt)
        is_crowd = rng.random(num_gt) < options.crowds
        records.append(Record(Path(f"{image}.jpg"), IMAGE_SIZE, IMAGE_SIZE, gt_xyxy, gt_class_id, is_crowd, areas))
        near_gt = rng.integers(0, num_gt, options.detections // 3 if num_gt else 0)
        shift = rng.normal(0, 0.12, (len(near_gt), 4)) * np.tile(gt_xyxy[near_gt, 2:] - gt_xyxy[near_gt, :2], 2)
        num_elsewhere = options.detections - len(near_gt)
        xyxy += [gt_xyxy[near_gt] + shift, _draw_boxes(rng, num_elsewhere)]
        is_right_class = rng.random(len(near_gt)) < 0.8
        class_id += [
            np.where(is_right_class, gt_class_id[near_gt], rng.integers(0, options.classes, len(near_gt))),
            rng.integers(0, options.classes, num_elsewhere),
        ]
        score.append(rng.random(options.detections).round(3))
        image_id.append(np.full(options.detections, image))
    index = Index.from_records([f"class {k}" for k in range(options.classes)], records)
    columns = (np.concatenate(part) for part in (image_id, xyxy, score, class_id))
    return index, FlatDetections(*columns)


def compute_with_pycocotools(index: Index, detections: FlatDetections) -> list[float]:
    """Return the twelve metrics in the order of `METRICS`."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    coco_gt = COCO()
    coco_gt.dataset = {
        "info": {},
        "images": [{"id": i, "width": IMAGE_SIZE, "height": IMAGE_SIZE} for i in range(len(index))],
        "categories": [{"id": k, "name": name} for k, name in enumerate(index.names)],
        "annotations": [
            {"id": i, "image_id": image, "category_id": k, "bbox": bbox, "area": area, "iscrowd": int(crowd)}
            for i, (image, k, bbox, area, crowd) in enumerate(
                zip(
                    gt_image_ids(index).tolist(),
                    index.all_class_ids.tolist(),
                    xyxy_to_coco_bbox(index.all_boxes_xyxy).tolist(),
                    index.all_areas.tolist(),
                    index.all_ignore.tolist(),
                    strict=True,
                ),
                start=1,
            )
        ],
    }
    coco_gt.createIndex()
    columns = (detections.image_id, detections.class_id, xyxy_to_coco_bbox(detections.xyxy), detections.score)
    keys = ("image_id", "category_id", "bbox", "score")
    rows = zip(*(column.tolist() for column in columns), strict=True)
    coco_dt = coco_gt.loadRes([dict(zip(keys, row, strict=True)) for row in rows])
    coco_eval = COCOeval(coco_gt, coco_dt, "bbox")
    coco_eval.evaluate()
    coco_eval.accumulate()
    coco_eval.summarize()
    return [float(value) for value in coco_eval.stats]


def main() -> None:
    """Compare and time."""
    index, detections = draw_split(tyro.cli(Options))
    print(f"{len(index)} images, {len(index.names)} classes, {len(index.all_ignore)} objects, ", end="")
    print(f"{int(index.all_ignore.sum())} of them crowds, {len(detections)} detections")
    start = time.perf_counter()
    metrics = compute_coco_metrics(index, detections)
    our_seconds = time.perf_counter() - start
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = compute_with_pycocotools(index, detections)
    their_seconds = time.perf_counter() - start
    differs = False
    for name, their in zip(METRICS, theirs, strict=True):
        ours = getattr(metrics, name)
        print(f"{name:14} {ours:.9f} {their:.9f} {abs(ours - their):.1e}")
        differs |= not abs(ours - their) <= TOLERANCE
    print(f"yolo {our_seconds:.1f} s (with precision, recall and matches), pycocotools {their_seconds:.1f} s")
    sys.exit(differs)


def _draw_boxes(rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Draw boxes (N, 4), xyxy, pixels."""
    size = np.exp(rng.uniform(np.log(8), np.log(300), (count, 2)))
    corner = rng.uniform(0, IMAGE_SIZE - size)
    return np.concatenate([corner, corner + size], axis=1)


if __name__ == "__main__":
    main()
