"""COCO's metrics of one split.

Axes as in `coco_match`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.data.image_weights import ap_name
from yolo.evaluation.metrics.coco_match import MAX_DETECTIONS, CocoMatcher
from yolo.evaluation.metrics.flat_detections import count_gt_per_class
from yolo.evaluation.metrics.metric_values import mean_without_nan, to_json
from yolo.evaluation.metrics.operating_point import best_operating_point

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import CocoCurves, CocoMatches
    from yolo.evaluation.metrics.flat_detections import FlatDetections


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoClassMetrics:
    """The metrics of one class; NaN without ground truth of the class."""

    name: str
    num_images: int  # images with ground truth of the class
    num_gt: int  # ground-truth boxes, without crowds and difficult objects
    map50: float
    map50_95: float
    precision: float
    recall: float
    curve50: tuple[float, ...] = ()  # precision at IoU .5 and recalls 0, .01 ... 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoMetrics:
    """COCO's metrics in 0..1: means over the classes with ground truth; NaN if there are none."""

    num_images: int
    num_gt: int
    map50: float
    map75: float
    map50_95: float
    precision: float  # at IoU .5 and `confidence`
    recall: float
    confidence: float  # the threshold with the highest mean F1; NaN without detections
    classes: tuple[CocoClassMetrics, ...]
    map_small: float = math.nan  # objects below 32 x 32 pixels
    map_medium: float = math.nan
    map_large: float = math.nan  # objects above 96 x 96 pixels
    recall_1: float = math.nan  # with at most 1 detection per image and class, mean over IoU .50 ... .95
    recall_10: float = math.nan
    recall_100: float = math.nan
    recall_small: float = math.nan
    recall_medium: float = math.nan
    recall_large: float = math.nan

    def scalars(self) -> dict[str, float]:
        """Return the metrics that are logged after each epoch, by their name in the log."""
        return {
            "metrics/precision": self.precision,
            "metrics/recall": self.recall,
            "metrics/mAP50": self.map50,
            "metrics/mAP75": self.map75,
            "metrics/mAP50-95": self.map50_95,
        }

    def class_scalars(self) -> dict[str, float]:
        """Return the average precision of each class with ground truth, by its name in the log."""
        return {ap_name(row.name): row.map50_95 for row in self.classes if row.num_gt}

    def as_json(self) -> dict[str, Any]:
        """Return all numbers except the curves as plain dicts and lists, with None for NaN."""
        fields = asdict(self)
        for row in fields["classes"]:
            del row["curve50"]
        return to_json(fields) | {"classes": [to_json(row) for row in fields["classes"]]}


def compute_coco_metrics(index: Index, detections: FlatDetections) -> CocoMetrics:
    """Compare detections with the ground truth of a split as COCO does.

    As in COCO, classes without ground truth are left out of the means. Precision and recall use COCO's matches at
    IoU .5, at the one confidence threshold for all classes with the highest mean F1; a class without a detection above
    it has precision 0.

    Args:
        index: the ground truth.
        detections: in any order.

    Returns:
        The metrics; COCO's twelve equal pycocotools'.
    """
    matcher = CocoMatcher(index, detections)
    return coco_metrics_from_matches(index, matcher.compute_curves(), matcher.match_at_iou50())


def coco_metrics_from_matches(index: Index, curves: CocoCurves, matches: CocoMatches) -> CocoMetrics:
    """Compute the metrics from the results of a `CocoMatcher`."""
    num_images_K, num_gt_K = count_gt_per_class(index)
    precision_TRK = curves.precision[:, :, :, 0, -1]
    ap_TK = np.where(num_gt_K > 0, precision_TRK.mean(axis=1), np.nan)
    counted = matches.detections[matches.is_counted]
    best = best_operating_point(counted.score, counted.class_id, matches.is_tp[matches.is_counted], num_gt_K)
    ap50_K, ap50_95_K, curves50 = ap_TK[0], ap_TK.mean(axis=0), precision_TRK[0].T
    columns = (num_images_K, num_gt_K, ap50_K, ap50_95_K, best.precision, best.recall, curves50)
    return CocoMetrics(
        num_images=len(index),
        num_gt=int(num_gt_K.sum()),
        map50=mean_without_nan(ap50_K),
        map75=mean_without_nan(ap_TK[5]),
        map50_95=mean_without_nan(ap_TK),
        precision=mean_without_nan(best.precision),
        recall=mean_without_nan(best.recall),
        confidence=best.confidence,
        classes=tuple(
            CocoClassMetrics(
                name=name,
                num_images=int(num_images),
                num_gt=int(num_gt),
                map50=float(ap50),
                map50_95=float(ap50_95),
                precision=float(precision),
                recall=float(recall),
                curve50=tuple(curve.tolist()) if num_gt else (),
            )
            for name, num_images, num_gt, ap50, ap50_95, precision, recall, curve in zip(
                index.names, *columns, strict=True
            )
        ),
        **_by_area_and_limit(curves),
    )


def _by_area_and_limit(curves: CocoCurves) -> dict[str, float]:
    """Return the nine of COCO's twelve metrics that depend on an area or a limit on the number of detections."""
    metrics = {f"recall_{limit}": _mean_of_known(curves.recall[:, :, 0, m]) for m, limit in enumerate(MAX_DETECTIONS)}
    for area, name in enumerate(("small", "medium", "large"), start=1):
        metrics[f"map_{name}"] = _mean_of_known(curves.precision[:, :, :, area, -1])
        metrics[f"recall_{name}"] = _mean_of_known(curves.recall[:, :, area, -1])
    return metrics


def _mean_of_known(values: npt.NDArray[np.float64]) -> float:
    """Return the mean of the values that are not -1; NaN if there are none."""
    return mean_without_nan(np.where(values > -1, values, np.nan))
