"""Small splits, given as lists or drawn at random."""

from pathlib import Path

import numpy as np

from yolo.data.index import Index, Record
from yolo.evaluation.metrics.flat_detections import FlatDetections


def image_record(boxes: list[list[float]], class_ids: list[int], ignore: list[bool] | None = None) -> Record:
    return Record(
        path=Path("image.jpg"),
        width=200,
        height=200,
        boxes_xyxy=np.array(boxes, np.float64).reshape(-1, 4),
        class_ids=np.array(class_ids, np.int64),
        ignore=np.array(ignore if ignore is not None else [False] * len(class_ids), np.bool_),
    )


def flat_detections(rows: list[tuple[int, list[float], float, int]]) -> FlatDetections:
    return FlatDetections(
        image_id=np.array([r[0] for r in rows], np.int64),
        xyxy=np.array([r[1] for r in rows], np.float64).reshape(-1, 4),
        score=np.array([r[2] for r in rows], np.float64),
        class_id=np.array([r[3] for r in rows], np.int64),
    )


def random_split(seed: int, num_images: int = 12, num_classes: int = 4) -> tuple[Index, FlatDetections]:
    """Draw detections near objects and elsewhere, with equal scores, crowds, and a last class without objects."""
    rng = np.random.default_rng(seed)
    records, rows = [], []
    for image in range(num_images):
        count = int(rng.integers(0, 7))
        corner, size = rng.uniform(0, 120, (count, 2)), rng.uniform(5, 80, (count, 2))
        boxes = np.concatenate([corner, corner + size], axis=1)
        classes = rng.integers(0, num_classes - 1, count)
        records.append(image_record(boxes.tolist(), classes.tolist(), (rng.random(count) < 0.25).tolist()))
        for box, class_id in zip(boxes, classes, strict=True):
            for _ in range(int(rng.integers(0, 4))):
                near = box + rng.normal(0, 0.08, 4) * np.tile(box[2:] - box[:2], 2)
                rows.append((image, near.tolist(), round(float(rng.random()), 1), int(class_id)))
        for _ in range(int(rng.integers(0, 4))):
            corner = rng.uniform(0, 100, 2)
            box = [*corner, *(corner + rng.uniform(5, 80, 2))]
            rows.append((image, box, round(float(rng.random()), 1), int(rng.integers(0, num_classes))))
    order = rng.permutation(len(rows))
    return Index.from_records([f"class{i}" for i in range(num_classes)], records), flat_detections(
        [rows[i] for i in order]
    )
