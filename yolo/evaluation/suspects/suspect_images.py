"""The images of a split with their suspect boxes: ranked, described, and written as a table and drawings."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.evaluation.preview import draw_gt_and_detections
from yolo.evaluation.suspects.find_suspects import SUSPECT_KINDS, find_suspects
from yolo.log import progress
from yolo.storage import atomic_path
from yolo.text_table import align_columns
from yolo.visualization.drawing import write_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import CocoMatches
    from yolo.evaluation.suspects.find_suspects import SuspectBox, SuspectKind

MAX_NAMED = 4  # boxes of a kind that a description names


@dataclass(frozen=True, slots=True)
class SuspectImage:
    """An image with its suspect boxes, the most suspicious first."""

    image_id: int  # position in the index
    boxes: Sequence[SuspectBox]
    loss: float
    score: float  # its mean over a split is 2

    def of_kind(self, kind: SuspectKind) -> list[SuspectBox]:
        """Return the boxes of a kind."""
        return [box for box in self.boxes if box.kind == kind]


def rank_images(
    index: Index, matches: CocoMatches, losses: Mapping[int, float], confidence: float
) -> list[SuspectImage]:
    """Return all images of a split by descending score.

    The score is the sum of the suspicions of an image's boxes, relative to the mean over the split, plus its loss,
    relative to the mean: an average image has 2.

    Args:
        index: the split.
        matches: of detections with scores down to nearly 0.
        losses: position of an image in the index -> its loss.
        confidence: least score of detections, and least suspicion of boxes, that count.
    """
    suspects = find_suspects(index, matches, confidence)
    suspicions = np.array([sum(box.suspicion for box in boxes) for boxes in suspects])
    scores = _relative_to_mean(suspicions) + _relative_to_mean(np.array([losses[i] for i in range(len(index))]))
    images = [SuspectImage(i, boxes, losses[i], float(scores[i])) for i, boxes in enumerate(suspects)]
    return sorted(images, key=lambda image: -image.score)


def format_images(images: Sequence[SuspectImage], index: Index, matches: CocoMatches) -> str:
    """Return a table of images with the reasons of each."""
    rows = [("score", "loss", "image", "suspect boxes")]
    rows += [
        (f"{image.score:.2f}", f"{image.loss:.2f}", index.path(image.image_id).name, describe(image, index, matches))
        for image in images
    ]
    return "\n".join(align_columns(rows, left=(2, 3)))


def describe(image: SuspectImage, index: Index, matches: CocoMatches) -> str:
    """Return the reasons in words: "2 missing: RBC .97, RBC .88; 1 class: Platelets labelled WBC"."""
    of_kinds = [(kind, [_name_box(box, index, matches) for box in image.of_kind(kind)]) for kind in SUSPECT_KINDS]
    return "; ".join(f"{len(boxes)} {kind}: {_list_some(boxes)}" for kind, boxes in of_kinds if boxes)


def write_csv(path: Path, images: Sequence[SuspectImage], index: Index, matches: CocoMatches) -> None:
    """Write all images with their score, loss, number of boxes of each kind, and the boxes as JSON."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", "score", "loss", *SUSPECT_KINDS, "boxes"])
        for image in images:
            counts = [len(image.of_kind(kind)) for kind in SUSPECT_KINDS]
            boxes = json.dumps([_box_to_json(box, index, matches) for box in image.boxes], ensure_ascii=False)
            path_text = str(index.path(image.image_id))
            writer.writerow([path_text, f"{image.score:.4f}", f"{image.loss:.4f}", *counts, boxes])


def write_drawings(
    folder: Path, images: Sequence[SuspectImage], index: Index, matches: CocoMatches, confidence: float
) -> None:
    """Draw ground truth beside detections of each image, suspect boxes marked; file names begin with the rank.

    Args:
        folder: to write into.
        images: the worst first.
        index: the split.
        matches: of its detections.
        confidence: least score of the detections that are drawn.
    """
    detections = matches.detections
    for rank, image in enumerate(progress(images, "draw", unit=" images", delay=1), start=1):
        shown = np.flatnonzero((detections.image_id == image.image_id) & (detections.score >= confidence))
        first_gt = index.box_ends[image.image_id]
        drawing = draw_gt_and_detections(
            index,
            image.image_id,
            detections.xyxy[shown],
            detections.score[shown].tolist(),
            detections.class_id[shown].tolist(),
            marked_gt={int(box.gt_id - first_gt): box.kind for box in image.boxes if box.gt_id >= 0},
            marked={int(shown.searchsorted(box.detection)): box.kind for box in image.boxes if box.detection >= 0},
        )
        write_image(folder / f"{rank:03d}_{index.path(image.image_id).stem}.jpg", drawing)


def _relative_to_mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Divide values (M,) by their mean; return 0 where there is nothing to compare: no values, or none above 0."""
    return values / values.mean() if len(values) and values.mean() > 0 else np.zeros_like(values)


def _list_some(names: Sequence[str]) -> str:
    return ", ".join([*names[:MAX_NAMED], *(["..."] if len(names) > MAX_NAMED else [])])


def _name_box(box: SuspectBox, index: Index, matches: CocoMatches) -> str:
    labelled = index.names[index.all_class_ids[box.gt_id]] if box.gt_id >= 0 else ""
    if box.kind == "spurious":
        return labelled
    found = (
        f"{index.names[matches.detections.class_id[box.detection]]} {_short(matches.detections.score[box.detection])}"
    )
    return f"{found} labelled {labelled}" if box.kind == "class" else found


def _short(score: float) -> str:
    """Format a score without the zero before its point."""
    return f"{score:.2f}".removeprefix("0")


def _box_to_json(box: SuspectBox, index: Index, matches: CocoMatches) -> dict[str, Any]:
    """Return the box with what was labelled and what was detected; boxes are xyxy in pixels of the image."""
    entry: dict[str, Any] = {"kind": box.kind, "suspicion": round(box.suspicion, 4)}
    if box.gt_id >= 0:
        corners = index.all_boxes_xyxy[box.gt_id].round(2).tolist()
        entry["label"] = {"class": index.names[index.all_class_ids[box.gt_id]], "xyxy": corners}
    if box.detection >= 0:
        found = matches.detections
        entry["detection"] = {
            "class": index.names[found.class_id[box.detection]],
            "score": round(float(found.score[box.detection]), 4),
            "xyxy": found.xyxy[box.detection].round(2).tolist(),
        }
    return entry
