"""Average precision as PASCAL VOC's development kit computes it.

A detection is matched to the ground-truth box of its class that it overlaps most, and to no other; a second detection
of the same box is a false positive; detections on a difficult object are ignored. Corners name the first and the last
pixel, as in VOC's files, so a box is a pixel wider and higher than the difference of its corners.

Source: VOCdevkit VOCcode/VOCevaldet.m, of 2007 (11 recalls) and since 2010 (area under the curve).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.metrics.average_precision import AcceptedDetections, average_precision, build_ap_metrics
from yolo.evaluation.metrics.flat_detections import count_gt_per_class
from yolo.evaluation.metrics.overlap import best_overlapping_gt, is_first_match

if TYPE_CHECKING:
    from yolo.data.index import Index
    from yolo.evaluation.metrics.average_precision import ApMetrics
    from yolo.evaluation.metrics.flat_detections import FlatDetections

POINTS = {"voc07": 11, "voc": 0}  # number of recalls to average over; 0: the area under the curve


def compute_voc_map(
    index: Index, detections: FlatDetections, *, metric: str, iou_threshold: float, confidence: float
) -> ApMetrics:
    """Compute VOC's metrics.

    Args:
        index: the ground truth; ignored boxes are difficult objects.
        detections: in any order; equal scores rank in the order given.
        metric: a key of `POINTS`.
        iou_threshold: least IoU of a true positive; VOC uses .5.
        confidence: threshold of the counts.

    Returns:
        The metrics; classes without ground truth have AP NaN and are left out of the mean.
    """
    detections = detections[np.argsort(-detections.score, kind="stable")]
    gt_id, gt_iou = best_overlapping_gt(index, detections, np.ones(len(index.all_ignore), np.bool_), inclusive=True)
    gt_id = np.where(gt_iou >= iou_threshold, gt_id, -1)
    is_counted = ~np.append(index.all_ignore, False)[gt_id]  # the appended one is for gt_id -1
    detections, gt_id, gt_iou = detections[is_counted], gt_id[is_counted], gt_iou[is_counted]
    is_tp, class_id = is_first_match(gt_id), detections.class_id
    is_accepted = detections.score >= confidence
    num_gt_K = count_gt_per_class(index)[1].tolist()
    ap_K = [
        average_precision(is_tp[class_id == k], num_gt, POINTS[metric]) if num_gt else math.nan
        for k, num_gt in enumerate(num_gt_K)
    ]
    return build_ap_metrics(
        index,
        metric=metric,
        num_ranked=len(detections),
        ap_K=np.array(ap_K),
        accepted=AcceptedDetections(class_id[is_accepted], is_tp[is_accepted], gt_iou[is_accepted]),
        iou=iou_threshold,
        confidence=confidence,
    )
