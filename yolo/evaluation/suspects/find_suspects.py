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

from yolo.evaluation.metrics.error_kinds import MAX_BACKGROUND_IOU
from yolo.evaluation.metrics.flat_detections import group_by_image
from yolo.evaluation.metrics.overlap import iou_matrix

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import CocoMatches
    from yolo.evaluation.metrics.flat_detections import FlatDetections

SuspectKind = Literal["missing", "class", "place", "spurious"]
SUSPECT_KINDS: tuple[SuspectKind, ...] = ("missing", "class", "place", "spurious")
SAME_OBJECT_IOU = 0.5  # boxes that overlap this much are of one object


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
    support_N = label_support(index, matches)
    lack_N = _mean_support_of_class(index, support_N) - support_N
    is_false = matches.is_counted & ~matches.is_tp & (matches.detections.score >= confidence)
    suspects = []
    for image, in_image in enumerate(group_by_image(index, matches.detections.image_id)):
        start, end = index.box_ends[image : image + 2]
        gt_ids = start + np.flatnonzero(~index.all_ignore[start:end])
        found = _suspect_detections(in_image[is_false[in_image]], gt_ids, index, matches.detections, support_N)
        explained = {suspect.gt_id for suspect in found}
        found += [SuspectBox("spurious", float(lack_N[i]), -1, i) for i in gt_ids.tolist() if i not in explained]
        counted = [suspect for suspect in found if suspect.suspicion >= confidence]
        suspects.append(sorted(counted, key=lambda suspect: -suspect.suspicion))
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
    candidates: npt.NDArray[np.int64],
    gt_ids: npt.NDArray[np.int64],
    index: Index,
    detections: FlatDetections,
    support_N: npt.NDArray[np.float64],
) -> list[SuspectBox]:
    """Return the suspects among the false positives of an image, the highest score first, one per object and label.

    Args:
        candidates: positions of the false positives in the detections.
        gt_ids: positions of the image's labels in the index, without ignored ones.
        index: the ground truth.
        detections: of all images.
        support_N: of all labels.
    """
    candidates = candidates[np.argsort(-detections.score[candidates], kind="stable")]
    iou_DN = iou_matrix(detections.xyxy[candidates], index.all_boxes_xyxy[gt_ids])
    is_same_class_DN = index.all_class_ids[gt_ids] == detections.class_id[candidates][:, None]
    found: list[SuspectBox] = []
    for i, iou, is_same_class in zip(candidates.tolist(), iou_DN, is_same_class_DN, strict=True):
        suspect = _judge_detection(i, float(detections.score[i]), gt_ids, iou, is_same_class, support_N)
        earlier = np.array([other.detection for other in found], np.int64)
        is_known = (iou_matrix(detections.xyxy[[i]], detections.xyxy[earlier]) > SAME_OBJECT_IOU).any()
        if suspect is None or is_known or suspect.gt_id in {other.gt_id for other in found if other.gt_id >= 0}:
            continue
        found.append(suspect)
    return found


def _judge_detection(
    i: int,
    score: float,
    gt_ids: npt.NDArray[np.int64],
    iou_N: npt.NDArray[np.float64],
    is_same_class_N: npt.NDArray[np.bool_],
    support_N: npt.NDArray[np.float64],
) -> SuspectBox | None:
    """Return what a false positive says of the labels of its image; None for a duplicate.

    Args:
        i: position of the detection.
        score: of the detection.
        gt_ids: positions of the image's labels in the index; N of the other arrays counts these.
        iou_N: of the detection with each label.
        is_same_class_N: whether each label has the detection's class.
        support_N: of all labels of the index.
    """
    own_support_N = support_N[gt_ids]
    on_object_N = iou_N >= SAME_OBJECT_IOU
    if (on_object_N & is_same_class_N).any():
        return None
    near_N = (iou_N >= MAX_BACKGROUND_IOU) & is_same_class_N & (own_support_N < score)
    kinds: tuple[tuple[SuspectKind, npt.NDArray[np.bool_]], ...] = (("class", on_object_N), ("place", near_N))
    for kind, is_meant_N in kinds:
        if is_meant_N.any():
            meant = int((iou_N * is_meant_N).argmax())
            return SuspectBox(kind, score / (score + float(own_support_N[meant])), i, int(gt_ids[meant]))
    return SuspectBox("missing", score * (1 - float(iou_N.max(initial=0))), i, -1)
