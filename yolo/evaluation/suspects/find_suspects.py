"""Find the boxes on which a trained network and the labels of a split disagree.

Each label has a support: the score of the detection that is matched to it, 0 without one. The kinds of suspect boxes,
and their suspicion, a number in 0..1:

    missing   a detection that overlaps no label much: score * (1 - largest IoU with a label)
    class     a detection on a label of another class: score / (score + support of the label)
    place     a detection near a label of its class with less support: score / (score + support of the label)
    spurious  a label that no class or place error explains: mean support of the labels of its class - its own support

Where there is a label, there is an object: class and place compare two scores, however low both are. The mean makes a
network's opinion of a label count less in classes that it hardly finds.

Axes: D detections, N ground-truth boxes, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from yolo.evaluation.metrics.error_kinds import classify_errors
from yolo.evaluation.metrics.flat_detections import group_by_image, gt_image_ids
from yolo.evaluation.metrics.overlap import iou_matrix

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import CocoMatches
    from yolo.evaluation.metrics.error_kinds import ClassifiedErrors

SuspectKind = Literal["missing", "class", "place", "spurious"]
SUSPECT_KINDS: tuple[SuspectKind, ...] = ("missing", "class", "place", "spurious")
SAME_OBJECT_IOU = 0.5  # detections that overlap more are of one object


@dataclass(frozen=True, slots=True)
class SuspectBox:
    """A label that is probably wrong, or a detection whose label is probably missing."""

    kind: SuspectKind
    suspicion: float  # 0..1
    detection: int  # position in the detections of the matches, -1 for none
    gt_id: int  # position of the label in the index, -1 for none


def find_suspects(index: Index, matches: CocoMatches, confidence: float) -> list[list[SuspectBox]]:
    """Return the suspect boxes of each image of an index, the most suspicious first.

    Args:
        index: the ground truth.
        matches: of detections with scores down to nearly 0.
        confidence: detections below this score, and boxes below this suspicion, do not count; above 0.
    """
    errors = classify_errors(index, matches)
    support_N = label_support(index, matches)
    lack_N = _mean_support_of_class(index, support_N) - support_N
    gt_images = group_by_image(index, gt_image_ids(index))
    suspects = []
    for in_image, gt_ids in zip(group_by_image(index, matches.detections.image_id), gt_images, strict=True):
        found = _suspect_detections(in_image, matches, errors, support_N, confidence)
        explained = {suspect.gt_id for suspect in found}
        found += [
            SuspectBox("spurious", float(lack_N[i]), -1, i)
            for i in gt_ids.tolist()
            if lack_N[i] >= confidence and not index.all_ignore[i] and i not in explained
        ]
        suspects.append(sorted(found, key=lambda suspect: -suspect.suspicion))
    return suspects


def label_support(index: Index, matches: CocoMatches) -> npt.NDArray[np.float64]:
    """Return the score of the detection that each label is matched to, (N,); 0 without one."""
    support_N = np.zeros(len(index.all_ignore))
    support_N[matches.gt_id[matches.is_tp]] = matches.detections.score[matches.is_tp]
    return support_N


def _mean_support_of_class(index: Index, support_N: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean support of the labels of each label's class, (N,), without ignored ones."""
    is_label = ~index.all_ignore
    class_ids = index.all_class_ids[is_label]
    sums_K = np.bincount(class_ids, support_N[is_label], minlength=len(index.names))
    counts_K = np.bincount(class_ids, minlength=len(index.names))
    return np.asarray((sums_K / np.maximum(counts_K, 1))[index.all_class_ids])


def _suspect_detections(
    in_image: npt.NDArray[np.int64],
    matches: CocoMatches,
    errors: ClassifiedErrors,
    support_N: npt.NDArray[np.float64],
    confidence: float,
) -> list[SuspectBox]:
    """Return the suspect detections among those of an image, the highest score first, one per object and label."""
    detections = matches.detections
    is_candidate = (errors.kind[in_image] != "") & (detections.score[in_image] >= confidence)
    candidates = in_image[is_candidate]
    found: list[SuspectBox] = []
    for i in candidates[np.argsort(-detections.score[candidates], kind="stable")].tolist():
        suspect = _judge_detection(i, matches, errors, support_N)
        if suspect is None or suspect.suspicion < confidence:
            continue
        earlier = np.array([other.detection for other in found], np.int64)
        is_known = (iou_matrix(detections.xyxy[[i]], detections.xyxy[earlier]) > SAME_OBJECT_IOU).any()
        if not is_known and (suspect.gt_id < 0 or suspect.gt_id not in {other.gt_id for other in found}):
            found.append(suspect)
    return found


def _judge_detection(
    i: int, matches: CocoMatches, errors: ClassifiedErrors, support_N: npt.NDArray[np.float64]
) -> SuspectBox | None:
    """Return what a false positive says of the labels; None for a duplicate."""
    score, kind, gt_id = float(matches.detections.score[i]), errors.kind[i], int(errors.near_gt_id[i])
    if kind == "duplicate":
        return None
    if kind == "classification" or (kind == "localization" and support_N[gt_id] < score):
        suspicion = score / (score + float(support_N[gt_id]))
        return SuspectBox("class" if kind == "classification" else "place", suspicion, i, gt_id)
    return SuspectBox("missing", score * (1 - float(errors.max_iou[i])), i, -1)
