"""COCO's metrics of one split.

Axes as in `coco_match`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.data.image_weights import ap_name
from yolo.evaluation.metrics.average_precision import without_nan
from yolo.evaluation.metrics.coco_match import CocoMatcher
from yolo.evaluation.metrics.flat_detections import counts_of_classes
from yolo.evaluation.metrics.operating_point import best_operating_point

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import CocoCurves, Matches
    from yolo.evaluation.metrics.flat_detections import FlatDetections


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """One row of the table. NaN where the split holds no truth of the class."""

    name: str
    images: int  # images with at least one truth of the class
    truths: int  # crowds and difficult objects left out
    map50: float
    map50_95: float
    precision: float
    recall: float
    curve50: tuple[float, ...] = ()  # precision at IoU .5 and recalls 0, .01 ... 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoMetrics:
    """COCO's metrics in 0..1: means over the classes that have truth; NaN if none has."""

    images: int
    truths: int
    map50: float
    map75: float
    map50_95: float
    precision: float  # at IoU .5 and `confidence`
    recall: float
    confidence: float  # the score that maximises the mean F1; NaN without detections
    classes: tuple[ClassMetrics, ...]
    map_small: float = math.nan  # of objects below 32 x 32 pixels
    map_medium: float = math.nan
    map_large: float = math.nan  # above 96 x 96
    recall_1: float = math.nan  # with so many detections per image and class, mean over IoU .50 ... .95
    recall_10: float = math.nan
    recall_100: float = math.nan
    recall_small: float = math.nan
    recall_medium: float = math.nan
    recall_large: float = math.nan

    def scalars(self) -> dict[str, float]:
        """What a log shows after each epoch, by its name there."""
        return {
            "metrics/precision": self.precision,
            "metrics/recall": self.recall,
            "metrics/mAP50": self.map50,
            "metrics/mAP75": self.map75,
            "metrics/mAP50-95": self.map50_95,
        }

    def class_scalars(self) -> dict[str, float]:
        """Average precision of each class that has truth, by its name in a log."""
        return {ap_name(row.name): row.map50_95 for row in self.classes if row.truths}

    def as_json(self) -> dict[str, Any]:
        """All numbers but the curves as plain dicts and lists, `None` where there is no number."""
        whole = asdict(self)
        for row in whole["classes"]:
            del row["curve50"]
        return without_nan(whole) | {"classes": [without_nan(row) for row in whole["classes"]]}


def coco_metrics(index: Index, detections: FlatDetections) -> CocoMetrics:
    """Compare detections with the truth of a split as COCO does.

    Classes without truth are left out of the means, as COCO does. Precision and recall come from the matches of the
    same evaluation at IoU .5, at the one score over all classes that gives the highest mean F1; a class of which
    nothing scores that much has precision 0.

    Args:
        index: the truth.
        detections: in any order.

    Returns:
        The metrics; the twelve of COCO equal to pycocotools'.
    """
    matcher = CocoMatcher(index, detections)
    return metrics_of(index, matcher.curves(), matcher.matches())


def metrics_of(index: Index, curves: CocoCurves, matches: Matches) -> CocoMetrics:
    """The metrics of a comparison that was made."""
    images_K, truths_K = counts_of_classes(index)
    precision_TRK = curves.precision[:, :, :, 0, -1]
    ap_TK = np.where(truths_K > 0, precision_TRK.mean(axis=1), np.nan)
    counted, found = matches.counted, matches.detections
    best = best_operating_point(found.score[counted], found.class_id[counted], matches.hit[counted], truths_K)
    means, curves50 = (ap_TK[0], ap_TK.mean(axis=0)), precision_TRK[0].T
    rows = zip(index.names, images_K, truths_K, *means, best.precision, best.recall, curves50, strict=True)
    return CocoMetrics(
        images=len(index),
        truths=int(truths_K.sum()),
        map50=_mean(ap_TK[0]),
        map75=_mean(ap_TK[5]),
        map50_95=_mean(ap_TK),
        precision=_mean(best.precision),
        recall=_mean(best.recall),
        confidence=best.confidence,
        classes=tuple(
            ClassMetrics(
                name=name,
                images=int(images),
                truths=int(truths),
                map50=float(ap50),
                map50_95=float(ap),
                precision=float(precision),
                recall=float(recall),
                curve50=tuple(curve.tolist()) if truths else (),
            )
            for name, images, truths, ap50, ap, precision, recall, curve in rows
        ),
        **_by_area_and_number(curves),
    )


def _by_area_and_number(curves: CocoCurves) -> dict[str, float]:
    """The nine of COCO's twelve numbers that are not means over everything."""
    numbers = {f"recall_{most}": _known(curves.recall[:, :, 0, m]) for m, most in enumerate((1, 10, 100))}
    for area, name in enumerate(("small", "medium", "large"), start=1):
        numbers[f"map_{name}"] = _known(curves.precision[:, :, :, area, -1])
        numbers[f"recall_{name}"] = _known(curves.recall[:, :, area, -1])
    return numbers


def _known(values: npt.NDArray[np.float64]) -> float:
    """Mean of what is not -1; NaN if nothing is left."""
    return _mean(np.where(values > -1, values, np.nan))


def _mean(values: npt.NDArray[np.float64]) -> float:
    """Mean without the NaN; NaN if nothing is left."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan
