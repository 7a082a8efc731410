"""Average precision of ranked detections, and the metrics that VOC and Darknet make of it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.evaluation.metrics.flat_detections import counts_of_classes

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index


@dataclass(frozen=True, slots=True)
class Accepted:
    """The detections that score enough to be shown. Axes: A of them."""

    class_id: npt.NDArray[np.int64]  # (A,)
    hit: npt.NDArray[np.bool_]  # (A,)
    overlap: npt.NDArray[np.float64]  # (A,), IoU with the truth that is hit


@dataclass(frozen=True, slots=True, kw_only=True)
class ApRow:
    """One class."""

    name: str
    images: int  # images with at least one truth of the class
    truths: int  # difficult objects left out
    ap: float  # 0..1; NaN where the split holds no truth of the class, but 0 for Darknet
    tp: int  # detections over `confidence` that hit
    fp: int  # and that do not
    precision: float
    recall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ApMetrics:
    """Average precision at one IoU, and what accepting detections over one confidence gives."""

    metric: str  # what it is called
    images: int
    truths: int
    detections: int  # that were ranked
    iou: float  # least overlap of a hit
    mean_ap: float  # 0..1, over the classes that count
    confidence: float
    tp: int
    fp: int
    fn: int
    precision: float
    recall: float
    f1: float
    average_iou: float  # of the accepted detections, those that do not hit counting 0
    classes: tuple[ApRow, ...]

    def as_json(self) -> dict[str, Any]:
        """All numbers as plain dicts and lists, `None` where there is no number."""
        whole = asdict(self)
        rows = [without_nan(row) for row in whole["classes"]]
        return without_nan(whole) | {"classes": rows}


def average_precision(hit: npt.NDArray[np.bool_], num_truths: int, points: int) -> float:
    """The mean over recalls of the best precision at that recall or a higher one.

    Args:
        hit: (D,), whether each detection is right, best score first.
        num_truths: of the class; 0 gives 0.
        points: so many recalls, evenly from 0 to 1 (VOC 2007 has 11, COCO 101); 0: all, the area under the curve.
    """
    if num_truths == 0 or len(hit) == 0:
        return 0.0
    num_hits = np.cumsum(hit)
    precision = num_hits / np.arange(1, len(hit) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    if points == 0:
        return float(best_from_here[hit].sum() / num_truths)
    place = np.searchsorted(num_hits / num_truths, np.arange(points) / (points - 1))
    return float(np.append(best_from_here, 0)[place].sum() / points)


def ap_metrics(
    index: Index,
    *,
    metric: str,
    ranked: int,
    ap_K: npt.NDArray[np.float64],
    accepted: Accepted,
    iou: float,
    confidence: float,
) -> ApMetrics:
    """Put the numbers of K classes together.

    Args:
        index: the truth.
        metric: what it is called.
        ranked: how many detections there are.
        ap_K: (K,), of each class; the mean is over those that are no NaN.
        accepted: the detections over the confidence.
        iou: least overlap of a hit.
        confidence: least score of an accepted detection.
    """
    images_K, truths_K = counts_of_classes(index)
    tp_K = np.bincount(accepted.class_id[accepted.hit], minlength=len(truths_K))
    fp_K = np.bincount(accepted.class_id[~accepted.hit], minlength=len(truths_K))
    columns = zip(index.names, *(x.tolist() for x in (images_K, truths_K, ap_K, tp_K, fp_K)), strict=True)
    tp, fp, truths = int(tp_K.sum()), int(fp_K.sum()), int(truths_K.sum())
    known = ap_K[~np.isnan(ap_K)]
    return ApMetrics(
        metric=metric,
        images=len(index),
        truths=truths,
        detections=ranked,
        iou=iou,
        mean_ap=float(known.mean()) if len(known) else math.nan,
        confidence=confidence,
        tp=tp,
        fp=fp,
        fn=truths - tp,
        precision=_share(tp, tp + fp),
        recall=_share(tp, truths),
        f1=_share(2 * tp, tp + fp + truths),
        average_iou=float(accepted.overlap[accepted.hit].sum()) / max(tp + fp, 1),
        classes=tuple(_row(*column) for column in columns),
    )


def _row(name: str, images: int, truths: int, ap: float, tp: int, fp: int) -> ApRow:
    precision, recall = _share(tp, tp + fp), _share(tp, truths)
    return ApRow(name=name, images=images, truths=truths, ap=ap, tp=tp, fp=fp, precision=precision, recall=recall)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def without_nan(row: dict[str, Any]) -> dict[str, Any]:
    """The same dict, `None` for every NaN."""
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
