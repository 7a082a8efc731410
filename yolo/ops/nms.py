"""Non-maximum suppression: decoded predictions in, `Detections` out.

Axes: B images, N candidate boxes, C classes, K candidates (a box with one class), best first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torchvision.ops import batched_nms

# Candidates that the first attempt looks at; 4 times as many in each further one.
_FIRST_ATTEMPT = 1000


@dataclass(frozen=True, slots=True)
class Predictions:
    """What decoding gives for a batch. Axes: B images, N candidate boxes, C classes."""

    boxes_xyxy: torch.Tensor  # (B, N, 4) float, pixels of the network input
    scores: torch.Tensor  # (B, N, C) float in 0..1, objectness times class probability


@dataclass(frozen=True, slots=True)
class Detections:
    """What is found in one picture, best first."""

    xyxy: torch.Tensor  # (N, 4) float32, pixels
    score: torch.Tensor  # (N,) float32 in 0..1
    class_id: torch.Tensor  # (N,) int64

    def __len__(self) -> int:
        return len(self.score)


def non_max_suppression(
    predictions: Predictions,
    *,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int = 100,
    multi_label: bool = True,
    class_agnostic: bool = False,
    max_candidates: int = 30_000,
) -> list[Detections]:
    """Greedy suppression: take the best candidate, drop those that overlap it, repeat.

    The result depends on the input alone: equal scores are taken in the order (box, class), nothing is cut short by
    a clock, and boxes that are not finite are left out.

    Args:
        predictions: of B pictures, any float type and device.
        score_threshold: candidates score more than this.
        iou_threshold: a candidate goes if its IoU with a better one that stays is more than this.
        max_detections: the best of the survivors that are kept per picture; COCO counts 100.
        multi_label: every class of a box over the threshold is a candidate; else its best class only.
        class_agnostic: boxes of different classes suppress each other too.
        max_candidates: the best candidates per picture that are considered, the only limit that can change a result:
            it does when so many yield fewer than `max_detections` survivors.

    Returns:
        One `Detections` per picture, on the device of the input.
    """
    found = []
    for boxes_N4, scores_NC in zip(predictions.boxes_xyxy, predictions.scores, strict=True):
        box_K, class_K, score_K = _candidates(
            boxes_N4, scores_NC.float(), score_threshold=score_threshold, multi_label=multi_label, limit=max_candidates
        )
        xyxy_K4 = boxes_N4[box_K].float()
        group_K = torch.zeros_like(class_K) if class_agnostic else class_K
        keep = _best_survivors(xyxy_K4, score_K, group_K, iou_threshold, max_detections)
        found.append(Detections(xyxy_K4[keep], score_K[keep], class_K[keep]))
    return found


def _candidates(
    boxes_N4: torch.Tensor, scores_NC: torch.Tensor, *, score_threshold: float, multi_label: bool, limit: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Box number, class and score, each (K,), best first; equal scores in the order (box, class)."""
    num_classes = scores_NC.shape[1]
    if not multi_label:
        best_N1 = scores_NC.argmax(1, keepdim=True)
        scores_NC = torch.full_like(scores_NC, -torch.inf).scatter(1, best_N1, scores_NC.gather(1, best_N1))
    finite_N1 = boxes_N4.isfinite().all(1, keepdim=True)
    index = ((scores_NC > score_threshold) & finite_N1).flatten().nonzero().squeeze(1)
    score = scores_NC.flatten()[index]
    if len(index) > limit:
        # Sorting millions of scores takes most of the time with young weights, and the order of topk is not stable.
        inside = score >= score.topk(limit).values[-1]
        index, score = index[inside], score[inside]
    score, order = score.sort(descending=True, stable=True)
    index = index[order[:limit]]
    return index // num_classes, index % num_classes, score[:limit]


def _best_survivors(
    xyxy_K4: torch.Tensor, score_K: torch.Tensor, group_K: torch.Tensor, iou_threshold: float, limit: int
) -> torch.Tensor:
    """Positions of the first `limit` survivors among candidates that are sorted, best first.

    What survives among the first candidates does not depend on later ones, so a part of them is mostly enough.
    """
    # batched_nms moves the groups apart by adding to coordinates: that needs room in the mantissa, and none below 0.
    boxes_K4 = xyxy_K4.double()
    boxes_K4 = boxes_K4 - (boxes_K4.min() if len(boxes_K4) else 0)
    size = _FIRST_ATTEMPT
    while True:
        keep: torch.Tensor = batched_nms(boxes_K4[:size], score_K[:size].double(), group_K[:size], iou_threshold)
        if len(keep) >= limit or size >= len(score_K):
            return keep.sort().values[:limit]
        size *= 4
