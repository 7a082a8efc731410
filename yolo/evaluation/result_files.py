"""Detections as files for other programs: COCO's result format, and YOLO label files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from yolo.data.labels import format_yolo
from yolo.evaluation.metrics.flat_detections import by_image
from yolo.evaluation.metrics.overlap import overlaps
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.flat_detections import FlatDetections

LABELLED_IOU = 0.5  # a detection that overlaps a label by this or more is of an object that has its label


def write_coco_results(
    path: Path, detections: FlatDetections, image_ids: Sequence[int], category_ids: Sequence[int]
) -> None:
    """Write `[{image_id, category_id, bbox, score}, ...]`, nothing rounded, so that COCO's program gives our numbers.

    Args:
        path: to write.
        detections: of a split.
        image_ids: COCO's id of each image of its index.
        category_ids: COCO's id of each class.
    """
    boxes = np.concatenate([detections.xyxy[:, :2], detections.xyxy[:, 2:] - detections.xyxy[:, :2]], axis=1)
    columns = (detections.image_id, detections.class_id, boxes, detections.score)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    lines = (
        json.dumps({"image_id": image_ids[i], "category_id": category_ids[k], "bbox": bbox, "score": score})
        for i, k, bbox, score in rows
    )
    with atomic_path(path) as temporary:
        temporary.write_text("[" + ",\n".join(lines) + "]\n", encoding="utf-8")


def write_label_files(folder: Path, index: Index, detections: FlatDetections, *, with_truth: bool = False) -> None:
    """Write a file `class cx cy w h` for each image, also if it is empty.

    Args:
        folder: to write into.
        index: the split.
        detections: those that are sure enough to be labels.
        with_truth: the labels that are there come first, and of the detections only those follow that overlap none of
            them (nor what is to be ignored), of whatever class.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = _file_names(index)
    for image, mine in enumerate(by_image(index, detections.image_id)):
        size = index.size(image)
        boxes, class_ids = np.clip(detections.xyxy[mine], 0, size * 2), detections.class_id[mine]
        keep = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        if with_truth:
            keep &= overlaps(boxes, index.boxes_xyxy(image)).max(axis=1, initial=0) < LABELLED_IOU
        text = format_yolo(boxes[keep], class_ids[keep], size)
        if with_truth:
            labelled = ~index.ignore(image)
            text = _format(index, image, labelled) + text
        (folder / next(names)).write_text(text, encoding="utf-8")


def _format(index: Index, image: int, chosen: npt.NDArray[np.bool_]) -> str:
    return format_yolo(index.boxes_xyxy(image)[chosen], index.class_ids(image)[chosen], index.size(image))


def _file_names(index: Index) -> Iterator[str]:
    """The image's name with `.txt`; images of one name in several folders do not collide."""
    taken: set[str] = set()
    for i in range(len(index)):
        stem, name, count = index.path(i).stem, index.path(i).stem, 2
        while name in taken:
            name, count = f"{stem}-{count}", count + 1
        taken.add(name)
        yield f"{name}.txt"
