"""The confusion matrix at one confidence threshold, and the number of errors of each image.

Axes: K classes, M images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.metrics.flat_detections import group_by_image, gt_image_ids
from yolo.evaluation.metrics.overlap import iou_matrix

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import CocoMatches

MIN_IOU = 0.5


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Detections and ground truth, counted by class."""

    counts: npt.NDArray[np.int64]  # (K + 1, K + 1): predicted class (last: missed) x true class (last: background)
    num_errors: npt.NDArray[np.int64]  # (M,), false positives and missed ground-truth boxes of each image


def compute_confusion_matrix(index: Index, matches: CocoMatches, confidence: float) -> ConfusionMatrix:
    """Count detections at or above a confidence threshold by predicted and true class.

    The true positives of COCO's matching at IoU .5 are the diagonal. The remaining detections are paired with the
    remaining ground-truth boxes where they overlap by .5 or more, the greatest overlap first, each at most once; such
    pairs differ in class. Ignored boxes, and detections on them, do not count.
    """
    num_classes = len(index.names)
    is_accepted = matches.is_counted & (matches.detections.score >= confidence)
    is_tp = is_accepted & matches.is_tp
    is_fp = is_accepted & ~matches.is_tp
    gt_class, predicted_class = index.all_class_ids, matches.detections.class_id
    counts = np.diag(np.append(np.bincount(predicted_class[is_tp], minlength=num_classes), 0))
    is_missed = ~index.all_ignore
    is_missed[matches.gt_id[is_tp]] = False
    images = zip(
        group_by_image(index, np.where(is_fp, matches.detections.image_id, -1)),
        group_by_image(index, np.where(is_missed, gt_image_ids(index), -1)),
        strict=True,
    )
    for fp, missed in images:
        pairs = _greedy_pairs(iou_matrix(matches.detections.xyxy[fp], index.all_boxes_xyxy[missed]))
        for i, j in pairs:
            counts[predicted_class[fp[i]], gt_class[missed[j]]] += 1
        unpaired_fp, unpaired_gt = np.delete(fp, [i for i, _ in pairs]), np.delete(missed, [j for _, j in pairs])
        counts[:-1, -1] += np.bincount(predicted_class[unpaired_fp], minlength=num_classes)
        counts[-1, :-1] += np.bincount(gt_class[unpaired_gt], minlength=num_classes)
    error_image_ids = np.concatenate([matches.detections.image_id[is_fp], gt_image_ids(index)[is_missed]])
    return ConfusionMatrix(counts, np.bincount(error_image_ids, minlength=len(index)))


def _greedy_pairs(iou_DN: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return pairs (row, column) of at least `MIN_IOU`, the highest IoU first, each row and column at most once."""
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
