"""The kinds of errors that a detector makes, and the mAP50 that each kind costs.

Each false positive is of the first kind that fits (IoU with the ground-truth box that it overlaps most):

    localization    .1 <= IoU < .5 with a box of its class
    classification  IoU >= .5 with a box of another class
    duplicate       IoU >= .5 with a box of its class, which is matched to a better detection
    background      IoU < .1 with every box
    both            anything else: wrong location and wrong class

A ground-truth box is missed if no detection is matched to it and no localization or classification error is near it.
The cost of a kind is the rise of mAP50 when only this kind is fixed. A fixed localization or classification error
becomes a true positive if it is the best one near a box that is not matched yet; all other errors are removed. Fixed
missed boxes no longer count as ground truth.

Source: TIDE, arXiv 2008.08115. Axes: D detections, N ground-truth boxes, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.metrics.average_precision import average_precision
from yolo.evaluation.metrics.flat_detections import count_gt_per_class, group_by_image
from yolo.evaluation.metrics.overlap import iou_matrix

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import CocoMatches

KINDS = ("classification", "localization", "both", "duplicate", "background", "missed")
MIN_FOREGROUND_IOU, MAX_BACKGROUND_IOU = 0.5, 0.1
POINTS = 101  # number of recalls, as in COCO


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One kind of error."""

    name: str
    count: int  # at the confidence threshold
    map50_lost: float  # over all detections, 0..1; NaN without ground truth


@dataclass(frozen=True, slots=True)
class _ClassifiedErrors:
    """The kind of each detection, and the ground-truth box that it nearly detects."""

    kind: npt.NDArray[np.str_]  # (D,), "" for true positives and detections on ignored boxes
    near_gt_id: npt.NDArray[np.int64]  # (D,), for localization and classification errors, else -1


def compute_error_kinds(index: Index, matches: CocoMatches, confidence: float) -> tuple[ErrorKind, ...]:
    """Return the errors by kind, in the order of `KINDS`.

    Args:
        index: the ground truth.
        matches: of all detections.
        confidence: threshold of the counts; the cost of a kind includes detections below it.
    """
    errors = _classify_errors(index, matches)
    everything = np.ones(len(matches.gt_id), np.bool_)
    unfixed = (index, matches, matches.is_counted, matches.is_tp, matches.detections.class_id)
    fixed_map50 = {kind: _map50_when_fixed(kind, index, matches, errors) for kind in KINDS[:-1]}
    missed_class_id = index.all_class_ids[_is_missed(index, matches, errors, everything)]
    fixed_map50["missed"] = _map50(*unfixed, num_removed_gt_K=np.bincount(missed_class_id, minlength=len(index.names)))
    is_accepted = matches.detections.score >= confidence
    counts = {kind: int(np.sum(is_accepted & (errors.kind == kind))) for kind in KINDS[:-1]}
    counts["missed"] = int(np.sum(_is_missed(index, matches, errors, is_accepted)))
    return tuple(ErrorKind(kind, counts[kind], fixed_map50[kind] - _map50(*unfixed)) for kind in KINDS)


def _classify_errors(index: Index, matches: CocoMatches) -> _ClassifiedErrors:
    detections = matches.detections
    kind = np.full(len(detections), "", f"<U{max(map(len, KINDS))}")
    near_gt_id = np.full(len(detections), -1)
    for image, in_image in enumerate(group_by_image(index, detections.image_id)):
        fp = in_image[matches.is_counted[in_image] & ~matches.is_tp[in_image]]
        start, end = index.box_ends[image : image + 2]
        gt_ids = start + np.flatnonzero(~index.all_ignore[start:end])
        if len(fp) == 0:
            continue
        if len(gt_ids) == 0:
            kind[fp] = "background"
            continue
        iou_DN = iou_matrix(detections.xyxy[fp], index.all_boxes_xyxy[gt_ids])
        is_same_class_DN = index.all_class_ids[gt_ids] == detections.class_id[fp][:, None]
        same_DN, other_DN = iou_DN * is_same_class_DN, iou_DN * ~is_same_class_DN
        same_iou, other_iou = same_DN.max(axis=1), other_DN.max(axis=1)
        localization = (same_iou >= MAX_BACKGROUND_IOU) & (same_iou < MIN_FOREGROUND_IOU)
        classification = ~localization & (other_iou >= MIN_FOREGROUND_IOU)
        duplicate = same_iou >= MIN_FOREGROUND_IOU
        background = np.maximum(same_iou, other_iou) < MAX_BACKGROUND_IOU
        kind[fp] = np.select(
            [localization, classification, duplicate, background],
            ["localization", "classification", "duplicate", "background"],
            "both",
        )
        near_gt_id[fp] = np.select(
            [localization, classification], [gt_ids[same_DN.argmax(axis=1)], gt_ids[other_DN.argmax(axis=1)]], -1
        )
    return _ClassifiedErrors(kind, near_gt_id)


def _is_missed(
    index: Index, matches: CocoMatches, errors: _ClassifiedErrors, is_accepted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return whether no accepted detection is matched to, or near, each ground-truth box, (N,)."""
    is_missed = ~index.all_ignore
    is_missed[matches.gt_id[is_accepted & matches.is_tp]] = False
    is_missed[errors.near_gt_id[is_accepted & (errors.near_gt_id >= 0)]] = False
    return is_missed


def _map50_when_fixed(kind: str, index: Index, matches: CocoMatches, errors: _ClassifiedErrors) -> float:
    """Return mAP50 with all errors of a kind fixed."""
    is_fixed = errors.kind == kind
    is_kept, is_tp = matches.is_counted & ~is_fixed, matches.is_tp.copy()
    class_id = matches.detections.class_id.copy()
    is_taken = np.zeros(len(index.all_ignore) + 1, np.bool_)
    is_taken[matches.gt_id[matches.is_tp]] = True
    is_taken[-1] = True  # for near_gt_id -1
    for i in np.flatnonzero(is_fixed)[np.argsort(-matches.detections.score[is_fixed], kind="stable")]:
        gt_id = errors.near_gt_id[i]
        if not is_taken[gt_id]:
            is_taken[gt_id] = is_kept[i] = is_tp[i] = True
            class_id[i] = index.all_class_ids[gt_id]
    return _map50(index, matches, is_kept, is_tp, class_id)


def _map50(
    index: Index,
    matches: CocoMatches,
    is_kept: npt.NDArray[np.bool_],
    is_tp: npt.NDArray[np.bool_],
    class_id: npt.NDArray[np.int64],
    num_removed_gt_K: npt.NDArray[np.int64] | None = None,
) -> float:
    num_gt_K = count_gt_per_class(index)[1]
    num_left_K = num_gt_K - (0 if num_removed_gt_K is None else num_removed_gt_K)
    order = np.flatnonzero(is_kept)[np.argsort(-matches.detections.score[is_kept], kind="stable")]
    is_tp, class_id = is_tp[order], class_id[order]
    aps = [average_precision(is_tp[class_id == k], int(num_left_K[k]), POINTS) for k in np.flatnonzero(num_gt_K)]
    return float(np.mean(aps)) if aps else float("nan")
