"""Results as files for other programs: JSON, COCO's result format, and YOLO label files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from yolo.data.formats.valid_boxes import clip_boxes
from yolo.data.labels import format_yolo
from yolo.evaluation.metrics.coco_match import xyxy_to_coco_bbox
from yolo.evaluation.metrics.flat_detections import group_by_image
from yolo.evaluation.metrics.overlap import iou_matrix
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yolo.data.index import Index
    from yolo.evaluation.metrics.flat_detections import FlatDetections

MIN_LABELLED_IOU = 0.5  # a detection that overlaps a label by this or more is of an object that already has a label


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write metrics, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_coco_results(
    path: Path, detections: FlatDetections, image_ids: Sequence[int], category_ids: Sequence[int]
) -> None:
    """Write `[{image_id, category_id, bbox, score}, ...]` without rounding, so that COCO's program gives our metrics.

    Args:
        path: to write.
        detections: of a split.
        image_ids: COCO's id of each image of the split.
        category_ids: COCO's id of each class.
    """
    columns = (detections.image_id, detections.class_id, xyxy_to_coco_bbox(detections.xyxy), detections.score)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    lines = (
        json.dumps({"image_id": image_ids[i], "category_id": category_ids[k], "bbox": bbox, "score": score})
        for i, k, bbox, score in rows
    )
    with atomic_path(path) as temporary:
        temporary.write_text("[" + ",\n".join(lines) + "]\n", encoding="utf-8")


def write_label_files(folder: Path, index: Index, detections: FlatDetections, *, with_gt: bool = False) -> None:
    """Write a file of `class cx cy w h` lines for each image; it is empty for an image without detections.

    Args:
        folder: to write into.
        index: the split.
        detections: those with a high enough score to be labels.
        with_gt: write the existing labels first, then only the detections that overlap none of them, of any class
            (ignored ones included).
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = _unique_file_names(index)
    for image_id, in_image in enumerate(group_by_image(index, detections.image_id)):
        size_wh = index.size(image_id)
        boxes_xyxy, is_kept = clip_boxes(detections.xyxy[in_image], size_wh)
        class_ids = detections.class_id[in_image]
        text = ""
        if with_gt:
            gt_xyxy, is_label = index.boxes_xyxy(image_id), ~index.ignore(image_id)
            is_kept &= iou_matrix(boxes_xyxy, gt_xyxy).max(axis=1, initial=0) < MIN_LABELLED_IOU
            text = format_yolo(gt_xyxy[is_label], index.class_ids(image_id)[is_label], size_wh)
        text += format_yolo(boxes_xyxy[is_kept], class_ids[is_kept], size_wh)
        (folder / next(names)).write_text(text, encoding="utf-8")


def _unique_file_names(index: Index) -> Iterator[str]:
    """Yield the name of each image with `.txt`, numbered where images of several folders have the same name."""
    taken: set[str] = set()
    for i in range(len(index)):
        stem, name, count = index.path(i).stem, index.path(i).stem, 2
        while name in taken:
            name, count = f"{stem}-{count}", count + 1
        taken.add(name)
        yield f"{name}.txt"
