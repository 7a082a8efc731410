"""Average precision as Darknet's `detector map` computes it, with Darknet's matching.

A detection is matched to the ground-truth box of its class that it overlaps most, even if that box is already taken;
the first detection of a box, best score first, is the true positive. Counts at a confidence threshold use another
order, that of the boxes after suppression: a detection below the threshold may come first there and turn the one above
the threshold into a false positive.

Source: AlexeyAB/darknet src/detector.c validate_detector_map (59596d78).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.metrics.average_precision import AcceptedDetections, average_precision, build_ap_metrics
from yolo.evaluation.metrics.flat_detections import count_gt_per_class
from yolo.evaluation.metrics.overlap import best_overlapping_gt, is_first_match

if TYPE_CHECKING:
    from yolo.data.index import Index
    from yolo.evaluation.metrics.average_precision import ApMetrics
    from yolo.evaluation.metrics.flat_detections import FlatDetections


def compute_darknet_map(
    index: Index, detections: FlatDetections, *, iou_threshold: float, points: int, confidence: float
) -> ApMetrics:
    """Compute Darknet's metrics.

    Args:
        index: the ground truth; detections on ignored boxes (Darknet: those of the `difficult` list) are not ranked.
        detections: in Darknet's order within each image.
        iou_threshold: a true positive overlaps its ground-truth box by more than this (`-iou_thresh`).
        points: number of recalls to average over; 0: the area under the curve (`-points`).
        confidence: threshold of the counts (`-thresh`).

    Returns:
        The metrics; classes without ground truth have AP 0 and count in the mean.
    """
    detections = detections[np.argsort(detections.image_id, kind="stable")]
    gt_id, gt_iou = best_overlapping_gt(index, detections, ~index.all_ignore)
    gt_id = np.where(gt_iou > iou_threshold, gt_id, -1)
    _, ignored_iou = best_overlapping_gt(index, detections, index.all_ignore)
    is_ranked = (gt_id >= 0) | (ignored_iou <= iou_threshold)
    # The counts include detections on ignored boxes, as false positives.
    is_accepted = detections.score > confidence
    accepted = AcceptedDetections(
        detections.class_id[is_accepted], is_first_match(gt_id)[is_accepted], gt_iou[is_accepted]
    )
    order = np.flatnonzero(is_ranked)[np.argsort(-detections.score[is_ranked], kind="stable")]
    is_tp, class_id = is_first_match(gt_id[order]), detections.class_id[order]
    num_gt_K = count_gt_per_class(index)[1].tolist()
    ap_K = [average_precision(is_tp[class_id == k], num_gt, points) for k, num_gt in enumerate(num_gt_K)]
    return build_ap_metrics(
        index,
        metric="darknet",
        num_ranked=len(order),
        ap_K=np.array(ap_K),
        accepted=accepted,
        iou=iou_threshold,
        confidence=confidence,
    )
