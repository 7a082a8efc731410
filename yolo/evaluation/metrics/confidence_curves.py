"""Precision, recall and F1 over the score from which on detections are accepted.

Axes: K classes that have truth, S scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.metrics.flat_detections import counts_of_classes

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import Matches

NUM_SCORES = 201  # from 0 to 1


@dataclass(frozen=True, slots=True)
class ConfidenceCurves:
    """At IoU .5, each in 0..1."""

    score: npt.NDArray[np.float64]  # (S,)
    names: tuple[str, ...]  # of the K classes
    precision: npt.NDArray[np.float64]  # (K, S); 0 where nothing is accepted
    recall: npt.NDArray[np.float64]  # (K, S)
    f1: npt.NDArray[np.float64]  # (K, S)


def confidence_curves(index: Index, matches: Matches) -> ConfidenceCurves:
    """The curves of each class that has truth."""
    truths_K = counts_of_classes(index)[1]
    known = np.flatnonzero(truths_K)
    score = np.linspace(0, 1, NUM_SCORES)
    found, hits = np.zeros((2, len(known), NUM_SCORES))
    for row, k in enumerate(known):
        mine = matches.counted & (matches.detections.class_id == k)
        found[row] = _num_over(score, matches.detections.score[mine])
        hits[row] = _num_over(score, matches.detections.score[mine & matches.hit])
    truths = truths_K[known][:, None]
    return ConfidenceCurves(
        score,
        tuple(index.names[k] for k in known),
        precision=hits / np.maximum(found, 1),
        recall=hits / truths,
        f1=2 * hits / (found + truths),
    )


def _num_over(thresholds: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """How many scores are at least each threshold."""
    return len(scores) - np.searchsorted(np.sort(scores), thresholds)
