"""What kinds of mistakes a detector makes, and how much average precision each kind costs.

A detection that does not hit is one of these, the first that fits (iou: with the truth that it overlaps most):

    place       .1 <= iou < .5 with a truth of its class: the box is off
    class       iou >= .5 with a truth of another class
    duplicate   iou >= .5 with a truth of its class, which a better one has
    background  iou < .1 with all truth
    both        what is left: the box is off, and the class is wrong

A truth is missed if no detection hits it and none of the kinds place and class is meant for it. What a kind costs is
how much mAP50 rises when it alone is mended: place and class become hits (the best for each truth that is not hit yet;
the others go), the others go, and missed truths are no longer asked for.

Source: TIDE, arXiv 2008.08115. Axes: D detections, N truths, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.metrics.average_precision import average_precision
from yolo.evaluation.metrics.flat_detections import by_image, counts_of_classes
from yolo.evaluation.metrics.overlap import overlaps

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import Matches

KINDS = ("class", "place", "both", "duplicate", "background", "missed")
FOREGROUND, BACKGROUND = 0.5, 0.1  # IoU
POINTS = 101  # recalls, as COCO has them


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One kind of mistake."""

    name: str
    count: int  # at the confidence
    cost: float  # mAP50 that is lost by it, of all detections, 0..1; NaN where the split has no truth


@dataclass(frozen=True, slots=True)
class _Diagnosis:
    """What each detection is, and which truth it was meant for."""

    kind: npt.NDArray[np.str_]  # (D,), "" for hits and what does not count
    target: npt.NDArray[np.int64]  # (D,), number of a truth for place and class, else -1


def error_kinds(index: Index, matches: Matches, confidence: float) -> tuple[ErrorKind, ...]:
    """The mistakes of each kind, in the order of `KINDS`.

    Args:
        index: the truth.
        matches: of all detections.
        confidence: least score of detections that are counted; what a kind costs is of all.
    """
    diagnosis = _diagnose(index, matches)
    everything = np.ones(len(matches.truth), np.bool_)
    as_it_is = (index, matches, matches.counted, matches.hit, matches.detections.class_id)
    mended = {kind: _mean_ap_without(kind, index, matches, diagnosis) for kind in KINDS[:-1]}
    missed_class = index.all_class_ids[_missed(index, matches, diagnosis, everything)]
    mended["missed"] = _mean_ap(*as_it_is, not_asked_K=np.bincount(missed_class, minlength=len(index.names)))
    shown = matches.detections.score >= confidence
    counts = {kind: int(np.sum(shown & (diagnosis.kind == kind))) for kind in KINDS[:-1]}
    counts["missed"] = int(np.sum(_missed(index, matches, diagnosis, shown)))
    return tuple(ErrorKind(kind, counts[kind], mended[kind] - _mean_ap(*as_it_is)) for kind in KINDS)


def _diagnose(index: Index, matches: Matches) -> _Diagnosis:
    found = matches.detections
    kind = np.full(len(found), "", "<U10")
    target = np.full(len(found), -1)
    for image, mine in enumerate(by_image(index, found.image_id)):
        wrong = mine[matches.counted[mine] & ~matches.hit[mine]]
        start, end = index.box_ends[image : image + 2]
        truths = start + np.flatnonzero(~index.all_ignore[start:end])
        if len(wrong) == 0:
            continue
        if len(truths) == 0:
            kind[wrong] = "background"
            continue
        iou_DN = overlaps(found.xyxy[wrong], index.all_boxes_xyxy[truths])
        same_DN = index.all_class_ids[truths] == found.class_id[wrong][:, None]
        own, other = iou_DN * same_DN, iou_DN * ~same_DN
        own_iou, other_iou = own.max(axis=1), other.max(axis=1)
        place = (own_iou >= BACKGROUND) & (own_iou < FOREGROUND)
        of_class = ~place & (other_iou >= FOREGROUND)
        nothing = np.maximum(own_iou, other_iou) < BACKGROUND
        kind[wrong] = np.select(
            [place, of_class, own_iou >= FOREGROUND, nothing], ["place", "class", "duplicate", "background"], "both"
        )
        target[wrong] = np.select([place, of_class], [truths[own.argmax(axis=1)], truths[other.argmax(axis=1)]], -1)
    return _Diagnosis(kind, target)


def _missed(
    index: Index, matches: Matches, diagnosis: _Diagnosis, shown: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(N,): truths that no shown detection hits or is meant for."""
    missed = ~index.all_ignore
    missed[matches.truth[shown & matches.hit]] = False
    missed[diagnosis.target[shown & (diagnosis.target >= 0)]] = False
    return missed


def _mean_ap_without(kind: str, index: Index, matches: Matches, diagnosis: _Diagnosis) -> float:
    """MAP50 with a kind mended."""
    wrong = diagnosis.kind == kind
    kept, hit, class_id = matches.counted & ~wrong, matches.hit.copy(), matches.detections.class_id.copy()
    taken = np.zeros(len(index.all_ignore) + 1, np.bool_)
    taken[matches.truth[matches.hit]] = True
    taken[-1] = True  # for those that are meant for no truth
    for i in np.flatnonzero(wrong)[np.argsort(-matches.detections.score[wrong], kind="stable")]:
        truth = diagnosis.target[i]
        if not taken[truth]:
            taken[truth] = kept[i] = hit[i] = True
            class_id[i] = index.all_class_ids[truth]
    return _mean_ap(index, matches, kept, hit, class_id)


def _mean_ap(
    index: Index,
    matches: Matches,
    kept: npt.NDArray[np.bool_],
    hit: npt.NDArray[np.bool_],
    class_id: npt.NDArray[np.int64],
    not_asked_K: npt.NDArray[np.int64] | None = None,
) -> float:
    truths_K = counts_of_classes(index)[1]
    asked_K = truths_K - (0 if not_asked_K is None else not_asked_K)
    order = np.flatnonzero(kept)[np.argsort(-matches.detections.score[kept], kind="stable")]
    hit, class_id = hit[order], class_id[order]
    aps = [average_precision(hit[class_id == k], int(asked_K[k]), POINTS) for k in np.flatnonzero(truths_K)]
    return float(np.mean(aps)) if aps else float("nan")
