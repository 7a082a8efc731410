"""Precision and recall at one confidence threshold: the one with the highest mean F1.

Axes: D detections over all images, K classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A confidence threshold, and precision and recall of the detections at or above it."""

    confidence: float  # NaN without detections
    precision: npt.NDArray[np.float64]  # (K,) in 0..1; 0 without detections, NaN without ground truth
    recall: npt.NDArray[np.float64]  # (K,) in 0..1; NaN without ground truth


def best_operating_point(
    score: npt.NDArray[np.float64],
    class_id: npt.NDArray[np.int64],
    is_tp: npt.NDArray[np.bool_],
    num_gt_K: npt.NDArray[np.int64],
) -> OperatingPoint:
    """Find the threshold, one for all classes, at which the mean F1 over classes with ground truth is highest.

    Args:
        score: (D,), of the detections that are not on an ignored box.
        class_id: (D,).
        is_tp: (D,), whether each detection is matched to a ground-truth box.
        num_gt_K: (K,), number of ground-truth boxes of each class.

    Returns:
        The highest of the best thresholds, with precision and recall of each class there.
    """
    confidence = _best_confidence(score, class_id, is_tp, num_gt_K)
    is_accepted = score >= confidence
    num_accepted_K = np.bincount(class_id[is_accepted], minlength=len(num_gt_K))
    num_tp_K = np.bincount(class_id[is_accepted & is_tp], minlength=len(num_gt_K))
    has_gt_K = num_gt_K > 0
    precision_K = np.where(has_gt_K, num_tp_K / np.maximum(num_accepted_K, 1), np.nan)
    return OperatingPoint(confidence, precision_K, np.where(has_gt_K, num_tp_K / np.maximum(num_gt_K, 1), np.nan))


def _best_confidence(
    score: npt.NDArray[np.float64],
    class_id: npt.NDArray[np.int64],
    is_tp: npt.NDArray[np.bool_],
    num_gt_K: npt.NDArray[np.int64],
) -> float:
    # F1 = 2 TP / (detections + ground truth) of a class changes only at its own detections: sum the changes.
    if len(score) == 0:
        return math.nan
    order = np.argsort(-score, kind="stable")
    score, class_id, is_tp = score[order], class_id[order], is_tp[order]
    f1_change = np.zeros(len(score))
    for k in np.flatnonzero(num_gt_K):
        of_class = np.flatnonzero(class_id == k)
        f1 = 2 * np.cumsum(is_tp[of_class]) / (np.arange(1, len(of_class) + 1) + num_gt_K[k])
        f1_change[of_class] = np.diff(f1, prepend=0)
    is_last_of_equals = np.append(score[1:] != score[:-1], True)
    return float(score[np.argmax(np.where(is_last_of_equals, np.cumsum(f1_change), -np.inf))])
