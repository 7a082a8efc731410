"""Average precision as Darknet's `detector map` computes it, by its own way of matching.

A detection takes the truth of its class that it overlaps most, whether a better one has that truth or not; the first
to have it, best score first, is a hit. Counts at a confidence go by another order: that of the boxes after
suppression, where a detection below the confidence may come first and make the one over it wrong.

Source: AlexeyAB/darknet src/detector.c validate_detector_map (59596d78).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.metrics.average_precision import Accepted, ap_metrics, average_precision
from yolo.evaluation.metrics.flat_detections import counts_of_classes
from yolo.evaluation.metrics.overlap import best_truths, first_of_each

if TYPE_CHECKING:
    from yolo.data.index import Index
    from yolo.evaluation.metrics.average_precision import ApMetrics
    from yolo.evaluation.metrics.flat_detections import FlatDetections


def darknet_metrics(
    index: Index, detections: FlatDetections, *, iou_threshold: float, points: int, confidence: float
) -> ApMetrics:
    """Score detections as Darknet does.

    Args:
        index: the truth; on what it ignores (Darknet: the labels of the `difficult` list) nothing is ranked.
        detections: all that Darknet would have, the order within an image being Darknet's.
        iou_threshold: a hit overlaps its truth by more than this (`-iou_thresh`).
        points: recalls that are averaged over; 0: the area under the curve (`-points`).
        confidence: of the counts (`-thresh`).

    Returns:
        The metrics; classes without truth have AP 0 and count in the mean.
    """
    images = np.argsort(detections.image_id, kind="stable")
    detections = detections[images]
    truth, overlap = best_truths(index, detections, ~index.all_ignore)
    truth = np.where(overlap > iou_threshold, truth, -1)
    _, overlap_ignored = best_truths(index, detections, index.all_ignore)
    ranked = (truth >= 0) | (overlap_ignored <= iou_threshold)
    # What is not ranked for lying on ignored truth counts as wrong all the same.
    shown = detections.score > confidence
    accepted = Accepted(detections.class_id[shown], first_of_each(truth)[shown], overlap[shown])
    order = np.flatnonzero(ranked)[np.argsort(-detections.score[ranked], kind="stable")]
    hit, class_id = first_of_each(truth[order]), detections.class_id[order]
    truths_K = counts_of_classes(index)[1].tolist()
    ap_K = [average_precision(hit[class_id == k], truths, points) for k, truths in enumerate(truths_K)]
    return ap_metrics(
        index,
        metric="darknet",
        ranked=len(order),
        ap_K=np.array(ap_K),
        accepted=accepted,
        iou=iou_threshold,
        confidence=confidence,
    )
