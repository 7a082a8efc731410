"""Average precision as PASCAL VOC's development kit computes it.

A detection takes the truth of its class that it overlaps most, and none else; a second one on the same truth is
wrong; what lies on a difficult object counts neither way. Corners name pixels, the last one included, as they do in
VOC's files, so that a box is a pixel wider and higher than the difference of its corners.

Source: VOCdevkit VOCcode/VOCevaldet.m, of 2007 (11 recalls) and since 2010 (area under the curve).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.metrics.average_precision import Accepted, ap_metrics, average_precision
from yolo.evaluation.metrics.flat_detections import counts_of_classes
from yolo.evaluation.metrics.overlap import best_truths, first_of_each

if TYPE_CHECKING:
    from yolo.data.index import Index
    from yolo.evaluation.metrics.average_precision import ApMetrics
    from yolo.evaluation.metrics.flat_detections import FlatDetections

POINTS = {"voc07": 11, "voc": 0}  # recalls that are averaged over; 0: all


def voc_metrics(
    index: Index, detections: FlatDetections, *, metric: str, iou_threshold: float, confidence: float
) -> ApMetrics:
    """Score detections as VOC does.

    Args:
        index: the truth; what it ignores is difficult.
        detections: in any order; equal scores count in the order given.
        metric: a key of `POINTS`.
        iou_threshold: a hit overlaps its truth by this or more; VOC's is .5.
        confidence: least score for the counts.

    Returns:
        The metrics; classes without truth have no AP and are left out of the mean.
    """
    detections = detections[np.argsort(-detections.score, kind="stable")]
    everything = np.ones(len(index.all_ignore), np.bool_)
    truth, overlap = best_truths(index, detections, everything, inclusive=True)
    truth = np.where(overlap >= iou_threshold, truth, -1)
    counted = ~np.append(index.all_ignore, False)[truth]  # the last one is for -1
    detections, truth, overlap = detections[counted], truth[counted], overlap[counted]
    hit, class_id = first_of_each(truth), detections.class_id
    shown = detections.score >= confidence
    truths_K = counts_of_classes(index)[1].tolist()
    ap_K = [
        average_precision(hit[class_id == k], truths, POINTS[metric]) if truths else math.nan
        for k, truths in enumerate(truths_K)
    ]
    return ap_metrics(
        index,
        metric=metric,
        ranked=len(detections),
        ap_K=np.array(ap_K),
        accepted=Accepted(class_id[shown], hit[shown], overlap[shown]),
        iou=iou_threshold,
        confidence=confidence,
    )
