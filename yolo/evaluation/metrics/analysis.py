"""Everything that is told about the detections of a split beside its score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.evaluation.metrics.coco_match import CocoMatcher
from yolo.evaluation.metrics.coco_metrics import metrics_of
from yolo.evaluation.metrics.confidence_curves import confidence_curves
from yolo.evaluation.metrics.confusion import confusion
from yolo.evaluation.metrics.error_kinds import error_kinds

if TYPE_CHECKING:
    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import Matches
    from yolo.evaluation.metrics.coco_metrics import CocoMetrics
    from yolo.evaluation.metrics.confidence_curves import ConfidenceCurves
    from yolo.evaluation.metrics.confusion import Confusion
    from yolo.evaluation.metrics.error_kinds import ErrorKind
    from yolo.evaluation.metrics.flat_detections import FlatDetections


@dataclass(frozen=True, slots=True)
class Analysis:
    """By COCO's matching at IoU .5, whatever the score is."""

    confidence: float
    matches: Matches
    coco: CocoMetrics
    curves: ConfidenceCurves
    confusion: Confusion  # at the confidence
    errors: tuple[ErrorKind, ...]


def analyse(index: Index, detections: FlatDetections, confidence: float) -> Analysis:
    """Compare once, and tell all.

    Args:
        index: the truth.
        detections: in any order.
        confidence: least score of a detection that a user would be shown.
    """
    matcher = CocoMatcher(index, detections)
    matches = matcher.matches()
    return Analysis(
        confidence,
        matches,
        metrics_of(index, matcher.curves(), matches),
        confidence_curves(index, matches),
        confusion(index, matches, confidence),
        error_kinds(index, matches, confidence),
    )
