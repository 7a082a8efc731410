"""Precision and recall at one score: the score that maximises the mean F1.

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
    """A score, and what accepting detections of at least this score gives."""

    confidence: float  # NaN without detections
    precision: npt.NDArray[np.float64]  # (K,) in 0..1; 0 where nothing is accepted, NaN where no truth is
    recall: npt.NDArray[np.float64]  # (K,) in 0..1, NaN where no truth is


def best_operating_point(
    score: npt.NDArray[np.float64],
    class_id: npt.NDArray[np.int64],
    hit: npt.NDArray[np.bool_],
    truths_K: npt.NDArray[np.int64],
) -> OperatingPoint:
    """The score, one for all classes, at which the mean F1 over classes with truth is highest.

    Args:
        score: (D,), detections that count: neither on a crowd nor on a difficult object.
        class_id: (D,).
        hit: (D,), true where a detection was matched to a truth.
        truths_K: how many truths each class has.

    Returns:
        The highest of the best scores, and precision and recall of each class there.
    """
    confidence = _best_confidence(score, class_id, hit, truths_K)
    accepted = score >= confidence
    num_found_K = np.bincount(class_id[accepted], minlength=len(truths_K))
    num_hits_K = np.bincount(class_id[accepted & hit], minlength=len(truths_K))
    known = truths_K > 0
    precision_K = np.where(known, num_hits_K / np.maximum(num_found_K, 1), np.nan)
    return OperatingPoint(confidence, precision_K, np.where(known, num_hits_K / np.maximum(truths_K, 1), np.nan))


def _best_confidence(
    score: npt.NDArray[np.float64],
    class_id: npt.NDArray[np.int64],
    hit: npt.NDArray[np.bool_],
    truths_K: npt.NDArray[np.int64],
) -> float:
    # F1 = 2 hits / (found + truths) of a class changes only at its own detections: add up the changes, best first.
    if len(score) == 0:
        return math.nan
    order = np.argsort(-score, kind="stable")
    score, class_id, hit = score[order], class_id[order], hit[order]
    change = np.zeros(len(score))
    for k in np.flatnonzero(truths_K):
        mine = np.flatnonzero(class_id == k)
        f1 = 2 * np.cumsum(hit[mine]) / (np.arange(1, len(mine) + 1) + truths_K[k])
        change[mine] = np.diff(f1, prepend=0)
    last_of_equals = np.append(score[1:] != score[:-1], True)
    return float(score[np.argmax(np.where(last_of_equals, np.cumsum(change), -np.inf))])
