"""COCO's metrics of one split, through `faster-coco-eval`.

Axes: D detections over all pictures, K classes, T IoU thresholds .50 .55 ... .95, R recalls 0 .01 ... 1.
"""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from faster_coco_eval.core.coco import COCO
from faster_coco_eval.core.faster_eval_api import COCOeval_faster

from yolo.data.image_weights import ap_name
from yolo.evaluation.operating_point import best_operating_point

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index

_log = logging.getLogger(__name__)

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
MAX_DETECTIONS = 100  # per picture and class, COCO's number


@dataclass(frozen=True, slots=True)
class FlatDetections:
    """Detections of all pictures as flat arrays: no object per box."""

    image_id: npt.NDArray[np.int64]  # (D,), number of the picture in its index
    xyxy: npt.NDArray[np.float64]  # (D, 4), pixels of the picture
    score: npt.NDArray[np.float64]  # (D,)
    class_id: npt.NDArray[np.int64]  # (D,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """One row of the table. NaN where the split holds no truth of the class."""

    name: str
    images: int  # pictures with at least one truth of the class
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
        return _without_nan(whole) | {"classes": [_without_nan(row) for row in whole["classes"]]}


def coco_metrics(index: Index, detections: FlatDetections) -> CocoMetrics:
    """Compare detections with the truth of a split as COCO does.

    Ignored truth (crowd, difficult) is COCO's crowd: what lies on it is neither hit nor miss, any number of times.
    Classes without truth are left out of the means, as COCO does. Precision and recall come from the matches of the
    same evaluation at IoU .5, at the one score over all classes that gives the highest mean F1; a class of which
    nothing scores that much has precision 0.

    Args:
        index: the truth; every picture counts, detected in or not.
        detections: in any order; equal scores count in the order given.

    Returns:
        The metrics; equal to pycocotools' at area "all" and 100 detections per picture and class.
    """
    detections = _best_of_each_image_and_class(detections)
    num_classes = len(index.names)
    truth_class = index.all_class_ids[~index.all_ignore]
    truths_K = np.bincount(truth_class, minlength=num_classes)
    pairs = np.unique(np.stack([_image_of_truth(index)[~index.all_ignore], truth_class]), axis=1)
    images_K = np.bincount(pairs[1], minlength=num_classes)
    precision_TRK, matched = _evaluate(index, detections)
    ap_TK = np.where(truths_K > 0, precision_TRK.mean(axis=1), np.nan)
    counted, hit = _counted_hits(matched, index.all_ignore, len(detections.score))
    best = best_operating_point(detections.score[counted], detections.class_id[counted], hit[counted], truths_K)
    means, curves = (ap_TK[0], ap_TK.mean(axis=0)), precision_TRK[0].T
    rows = zip(index.names, images_K, truths_K, *means, best.precision, best.recall, curves, strict=True)
    return CocoMetrics(
        images=len(index),
        truths=len(truth_class),
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
    )


def _best_of_each_image_and_class(detections: FlatDetections) -> FlatDetections:
    """At most MAX_DETECTIONS of each picture and class, in a stable order: picture, class, best first."""
    order = np.lexsort((-detections.score, detections.class_id, detections.image_id))
    image_id, class_id = detections.image_id[order], detections.class_id[order]
    new_group = np.flatnonzero(np.diff(image_id, prepend=-1) | np.diff(class_id, prepend=-1))
    sizes = np.diff(new_group, append=len(order))
    rank = np.arange(len(order)) - np.repeat(new_group, sizes)
    order = order[rank < MAX_DETECTIONS]
    return FlatDetections(
        detections.image_id[order], detections.xyxy[order], detections.score[order], detections.class_id[order]
    )


def _image_of_truth(index: Index) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(len(index)), np.diff(index.box_ends))


def _truth_set(index: Index) -> dict[str, Any]:
    annotations = _annotations(_image_of_truth(index), index.all_class_ids, index.all_boxes_xyxy)
    for annotation, ignore in zip(annotations, index.all_ignore.tolist(), strict=True):
        annotation["iscrowd"] = int(ignore)
    return _data_set(index, annotations)


def _detection_set(index: Index, detections: FlatDetections) -> dict[str, Any]:
    annotations = _annotations(detections.image_id, detections.class_id, detections.xyxy)
    for annotation, score in zip(annotations, detections.score.tolist(), strict=True):
        annotation["score"] = score
    return _data_set(index, annotations)


def _data_set(index: Index, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    images = [{"id": i, "width": int(w), "height": int(h)} for i, (w, h) in enumerate(index.sizes)]
    categories = [{"id": i, "name": name} for i, name in enumerate(index.names)]
    return {"images": images, "categories": categories, "annotations": annotations}


def _annotations(
    image_id: npt.NDArray[np.int64], class_id: npt.NDArray[np.int64], boxes_xyxy: npt.NDArray[np.float64]
) -> list[dict[str, Any]]:
    """COCO's records; ids count from 1, because 0 means "not matched"."""
    corner_and_size = np.concatenate([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]], axis=1)
    rows = zip(image_id.tolist(), class_id.tolist(), corner_and_size.tolist(), strict=True)
    return [
        {"id": i, "image_id": image, "category_id": category, "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0}
        for i, (image, category, bbox) in enumerate(rows, start=1)
    ]


def _evaluate(index: Index, detections: FlatDetections) -> tuple[npt.NDArray[np.float64], dict[str, float]]:
    """The precision at each threshold, recall and class, (T, R, K), and the matches at IoU .5 ("detection_truth")."""
    if not index.names or not len(index):
        return np.full((len(IOU_THRESHOLDS), 1, len(index.names)), -1.0), {}
    truth, found = COCO(_truth_set(index)), COCO(_detection_set(index, detections))
    precision = np.asarray(_run(truth, found, IOU_THRESHOLDS)["precision"])[:, :, :, 0, 0]
    # A run of its own: over several thresholds the library merges matches that exclude each other.
    return precision, _run(truth, found, IOU_THRESHOLDS[:1])["matched"]


def _run(truth: COCO, found: COCO, iou_thresholds: npt.NDArray[np.float64]) -> dict[str, Any]:
    run = COCOeval_faster(truth, found, "bbox", print_function=_log.debug)
    run.params.iouThrs = iou_thresholds
    run.params.areaRng, run.params.areaRngLbl = [[0, 1e10]], ["all"]
    run.params.maxDets = [MAX_DETECTIONS]
    run.evaluate()
    run.accumulate()
    result: dict[str, Any] = run.eval
    return result


def _counted_hits(
    matched: dict[str, float], truth_ignored: npt.NDArray[np.bool_], num_detections: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which detections count (do not lie on ignored truth), and which are hits: (D,) each.

    Args:
        matched: keys "detection_truth", numbers counted from 1.
        truth_ignored: one flag per truth.
        num_detections: D.
    """
    counted, hit = np.ones(num_detections, np.bool_), np.zeros(num_detections, np.bool_)
    for key in matched:
        detection, truth = (int(number) - 1 for number in key.split("_"))
        counted[detection] = hit[detection] = not truth_ignored[truth]
    return counted, hit


def _mean(values: npt.NDArray[np.float64]) -> float:
    """Mean without the NaN; NaN if nothing is left."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
