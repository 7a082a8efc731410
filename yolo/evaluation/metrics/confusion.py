"""Which class was taken for which, at one confidence, and which images have the most mistakes.

Axes: K classes, M images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.metrics.flat_detections import by_image, image_of_truth
from yolo.evaluation.metrics.overlap import overlaps

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import Matches

MIN_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Confusion:
    """Detections and truth, counted by class."""

    counts: npt.NDArray[np.int64]  # (K + 1, K + 1): found as (last: not at all) x what it is (last: background)
    mistakes: npt.NDArray[np.int64]  # (M,), detections that do not hit and truths that are not hit, of each image


def confusion(index: Index, matches: Matches, confidence: float) -> Confusion:
    """Count what detections of at least a score are.

    COCO's matches at IoU .5 are the diagonal. Of the rest, a detection and a truth of another class belong together
    where they overlap by .5 or more, the greatest overlap first, each at most once. What is ignored does not count.
    """
    num_classes = len(index.names)
    shown = matches.counted & (matches.detections.score >= confidence)
    hit = shown & matches.hit
    true_class, found_class = index.all_class_ids, matches.detections.class_id
    counts = np.diag(np.append(np.bincount(found_class[hit], minlength=num_classes), 0))
    left = ~index.all_ignore
    left[matches.truth[hit]] = False
    wrong = shown & ~matches.hit
    images = zip(
        by_image(index, np.where(wrong, matches.detections.image_id, -1)),
        by_image(index, np.where(left, image_of_truth(index), -1)),
        strict=True,
    )
    for found, true in images:
        pairs = _pairs(overlaps(matches.detections.xyxy[found], index.all_boxes_xyxy[true]))
        for i, j in pairs:
            counts[found_class[found[i]], true_class[true[j]]] += 1
        alone, missed = np.delete(found, [i for i, _ in pairs]), np.delete(true, [j for _, j in pairs])
        counts[:-1, -1] += np.bincount(found_class[alone], minlength=num_classes)
        counts[-1, :-1] += np.bincount(true_class[missed], minlength=num_classes)
    of_mistakes = np.concatenate([matches.detections.image_id[wrong], image_of_truth(index)[left]])
    return Confusion(counts, np.bincount(of_mistakes, minlength=len(index)))


def _pairs(iou_DN: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Rows and columns that belong together, each in one pair at most."""
    rows, columns = np.nonzero(iou_DN >= MIN_IOU)
    pairs: list[tuple[int, int]] = []
    free_rows, free_columns = set(rows.tolist()), set(columns.tolist())
    for k in np.argsort(-iou_DN[rows, columns], kind="stable"):
        row, column = int(rows[k]), int(columns[k])
        if row in free_rows and column in free_columns:
            pairs.append((row, column))
            free_rows.remove(row)
            free_columns.remove(column)
    return pairs
