"""Average precision of ranked detections, and the metrics that VOC and Darknet derive from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.evaluation.metrics.flat_detections import count_gt_per_class
from yolo.evaluation.metrics.metric_values import mean_without_nan, ratio, to_json

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index


@dataclass(frozen=True, slots=True)
class AcceptedDetections:
    """The detections at or above the confidence threshold. Axes: A of them."""

    class_id: npt.NDArray[np.int64]  # (A,)
    is_tp: npt.NDArray[np.bool_]  # (A,)
    iou: npt.NDArray[np.float64]  # (A,), with the matched ground-truth box


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAp:
    """The numbers of one class."""

    name: str
    num_images: int  # images with ground truth of the class
    num_gt: int  # ground-truth boxes, without difficult ones
    ap: float  # 0..1; without ground truth of the class NaN, for Darknet 0
    tp: int  # accepted detections
    fp: int
    precision: float
    recall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ApMetrics:
    """Average precision at one IoU threshold, and precision and recall at one confidence threshold."""

    metric: str  # name, a value of `--metric`
    num_images: int
    num_gt: int
    num_detections: int  # that were ranked
    iou: float  # least IoU of a true positive
    mean_ap: float  # 0..1, over the classes that count
    confidence: float
    tp: int
    fp: int
    fn: int
    precision: float
    recall: float
    f1: float
    average_iou: float  # of the accepted detections; a false positive counts as 0
    classes: tuple[ClassAp, ...]

    def as_json(self) -> dict[str, Any]:
        """Return all numbers as plain dicts and lists, with None for NaN."""
        fields = asdict(self)
        return to_json(fields) | {"classes": [to_json(row) for row in fields["classes"]]}


def average_precision(is_tp: npt.NDArray[np.bool_], num_gt: int, points: int) -> float:
    """Return the mean over recalls of the best precision at that recall or a higher one.

    Args:
        is_tp: (D,), whether each detection is a true positive, best score first.
        num_gt: number of ground-truth boxes of the class; 0 gives 0.
        points: number of recalls, evenly spaced from 0 to 1 (VOC 2007 uses 11, COCO 101); 0: the area under the curve.
    """
    if num_gt == 0 or len(is_tp) == 0:
        return 0.0
    num_tp = np.cumsum(is_tp)
    precision = num_tp / np.arange(1, len(is_tp) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    if points == 0:
        return float(envelope[is_tp].sum() / num_gt)
    positions = np.searchsorted(num_tp / num_gt, np.arange(points) / (points - 1))
    return float(np.append(envelope, 0)[positions].sum() / points)


def build_ap_metrics(
    index: Index,
    *,
    metric: str,
    num_ranked: int,
    ap_K: npt.NDArray[np.float64],
    accepted: AcceptedDetections,
    iou: float,
    confidence: float,
) -> ApMetrics:
    """Combine the numbers of K classes.

    Args:
        index: the ground truth.
        metric: name of the metric.
        num_ranked: number of detections that were ranked.
        ap_K: (K,), average precision of each class; NaN is left out of the mean.
        accepted: the detections at or above the confidence threshold.
        iou: least IoU of a true positive.
        confidence: the confidence threshold.
    """
    num_images_K, num_gt_K = count_gt_per_class(index)
    tp_K = np.bincount(accepted.class_id[accepted.is_tp], minlength=len(num_gt_K))
    fp_K = np.bincount(accepted.class_id[~accepted.is_tp], minlength=len(num_gt_K))
    columns = zip(index.names, *(x.tolist() for x in (num_images_K, num_gt_K, ap_K, tp_K, fp_K)), strict=True)
    tp, fp, num_gt = int(tp_K.sum()), int(fp_K.sum()), int(num_gt_K.sum())
    return ApMetrics(
        metric=metric,
        num_images=len(index),
        num_gt=num_gt,
        num_detections=num_ranked,
        iou=iou,
        mean_ap=mean_without_nan(ap_K),
        confidence=confidence,
        tp=tp,
        fp=fp,
        fn=num_gt - tp,
        precision=ratio(tp, tp + fp),
        recall=ratio(tp, num_gt),
        f1=ratio(2 * tp, tp + fp + num_gt),
        average_iou=float(accepted.iou[accepted.is_tp].sum()) / max(tp + fp, 1),
        classes=tuple(_class_ap(*column) for column in columns),
    )


def _class_ap(name: str, num_images: int, num_gt: int, ap: float, tp: int, fp: int) -> ClassAp:
    return ClassAp(
        name=name,
        num_images=num_images,
        num_gt=num_gt,
        ap=ap,
        tp=tp,
        fp=fp,
        precision=ratio(tp, tp + fp),
        recall=ratio(tp, num_gt),
    )
