"""Precision, recall and F1 over the confidence threshold.

Axes: K classes with ground truth, S thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.metrics.flat_detections import count_gt_per_class

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import CocoMatches

NUM_THRESHOLDS = 201  # from 0 to 1


@dataclass(frozen=True, slots=True)
class ConfidenceCurves:
    """Curves at IoU .5, each in 0..1."""

    confidence: npt.NDArray[np.float64]  # (S,), the thresholds
    names: tuple[str, ...]  # of the K classes
    precision: npt.NDArray[np.float64]  # (K, S); 0 without detections
    recall: npt.NDArray[np.float64]  # (K, S)
    f1: npt.NDArray[np.float64]  # (K, S)


def compute_confidence_curves(index: Index, matches: CocoMatches) -> ConfidenceCurves:
    """Compute the curves of each class with ground truth."""
    num_gt = count_gt_per_class(index)[1]
    class_ids_K = np.flatnonzero(num_gt)
    thresholds = np.linspace(0, 1, NUM_THRESHOLDS)
    num_accepted, num_tp = np.zeros((2, len(class_ids_K), NUM_THRESHOLDS))
    for row, class_id in enumerate(class_ids_K):
        of_class = matches.is_counted & (matches.detections.class_id == class_id)
        num_accepted[row] = _count_accepted(thresholds, matches.detections.score[of_class])
        num_tp[row] = _count_accepted(thresholds, matches.detections.score[of_class & matches.is_tp])
    num_gt_K1 = num_gt[class_ids_K][:, None]
    return ConfidenceCurves(
        thresholds,
        tuple(index.names[class_id] for class_id in class_ids_K),
        precision=num_tp / np.maximum(num_accepted, 1),
        recall=num_tp / num_gt_K1,
        f1=2 * num_tp / (num_accepted + num_gt_K1),
    )


def _count_accepted(thresholds: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the number of scores at or above each threshold."""
    return len(scores) - np.searchsorted(np.sort(scores), thresholds)
