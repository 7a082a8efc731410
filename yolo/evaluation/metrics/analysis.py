"""All numbers of a test report that depend only on COCO's matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.evaluation.metrics.coco_match import CocoMatcher
from yolo.evaluation.metrics.coco_metrics import coco_metrics_from_matches
from yolo.evaluation.metrics.confidence_curves import compute_confidence_curves
from yolo.evaluation.metrics.confusion_matrix import compute_confusion_matrix
from yolo.evaluation.metrics.error_kinds import compute_error_kinds

if TYPE_CHECKING:
    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import CocoMatches
    from yolo.evaluation.metrics.coco_metrics import CocoMetrics
    from yolo.evaluation.metrics.confidence_curves import ConfidenceCurves
    from yolo.evaluation.metrics.confusion_matrix import ConfusionMatrix
    from yolo.evaluation.metrics.error_kinds import ErrorKind
    from yolo.evaluation.metrics.flat_detections import FlatDetections


@dataclass(frozen=True, slots=True)
class DetectionAnalysis:
    """Results of COCO's matching at IoU .5, whichever metric is reported."""

    confidence: float
    matches: CocoMatches
    coco: CocoMetrics
    curves: ConfidenceCurves
    confusion: ConfusionMatrix  # at the confidence threshold
    errors: tuple[ErrorKind, ...]


def analyse_detections(index: Index, detections: FlatDetections, confidence: float) -> DetectionAnalysis:
    """Match detections to ground truth once and compute everything that depends on it.

    Args:
        index: the ground truth.
        detections: in any order.
        confidence: threshold at which a user would be shown detections.
    """
    matcher = CocoMatcher(index, detections)
    matches = matcher.match_at_iou50()
    return DetectionAnalysis(
        confidence,
        matches,
        coco_metrics_from_matches(index, matcher.compute_curves(), matches),
        compute_confidence_curves(index, matches),
        compute_confusion_matrix(index, matches, confidence),
        compute_error_kinds(index, matches, confidence),
    )
