"""Non-maximum suppression: decoded predictions in, `Detections` out.

Axes: B images, N candidate boxes, C classes, K candidates (a box with one class), S survivors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from yolo.boxes.suppression import GREEDY, Candidates, NmsMethod, survivors

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Predictions:
    """What decoding gives for a batch. Axes: B images, N candidate boxes, C classes."""

    boxes_xyxy: torch.Tensor  # (B, N, 4) float, pixels of the network input
    scores: torch.Tensor  # (B, N, C) float in 0..1, objectness times class probability


@dataclass(frozen=True, slots=True)
class Detections:
    """What is found in one image, best first."""

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
    classes: Sequence[int] | None = None,
    method: NmsMethod = GREEDY,
) -> list[Detections]:
    """Take the best candidate, drop or weaken those that overlap it, repeat.

    The result depends on the input alone: equal scores are taken in the order (box, class), every candidate is
    considered, nothing is cut short by a clock, and boxes that are not finite are left out. Memory grows with the
    candidates, not with their pairs.

    Args:
        predictions: of B images, any float type and device.
        score_threshold: candidates score more than this, after they are weakened too.
        iou_threshold: a candidate goes if its overlap with a better one that stays is more than this.
        max_detections: the best of the survivors that are kept per image; COCO counts 100.
        multi_label: every class of a box over the threshold is a candidate; else its best class only.
        class_agnostic: boxes of different classes suppress each other too.
        classes: ids of the only classes to be candidates; None: all.
        method: what overlap is, and what it does.

    Returns:
        One `Detections` per image, on the device of the input.
    """
    found = []
    for boxes_N4, scores_NC in zip(predictions.boxes_xyxy, predictions.scores, strict=True):
        eligible_NC = _eligible(scores_NC.float(), multi_label, classes)
        box_K, class_K, score_K = _over_threshold(boxes_N4, eligible_NC, score_threshold)
        group_K = torch.zeros_like(class_K) if class_agnostic else class_K
        candidates = Candidates(boxes_N4, box_K, score_K, group_K)
        kept = survivors(candidates, method, iou_threshold, score_threshold, max_detections)
        found.append(Detections(kept.xyxy, kept.score, class_K[kept.position]))
    return found


def _eligible(scores_NC: torch.Tensor, multi_label: bool, classes: Sequence[int] | None) -> torch.Tensor:
    """The scores with those at -inf that may not become candidates."""
    if not multi_label:
        best_N1 = scores_NC.argmax(1, keepdim=True)
        scores_NC = torch.full_like(scores_NC, -torch.inf).scatter(1, best_N1, scores_NC.gather(1, best_N1))
    if classes is not None:
        wanted_C = torch.zeros(scores_NC.shape[1], dtype=torch.bool, device=scores_NC.device)
        wanted_C[list(classes)] = True
        scores_NC = scores_NC.masked_fill(~wanted_C, -torch.inf)
    return scores_NC


def _over_threshold(
    boxes_N4: torch.Tensor, scores_NC: torch.Tensor, score_threshold: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Box number, class and score, each (K,), in the order (box, class)."""
    num_classes = scores_NC.shape[1]
    finite_N1 = boxes_N4.isfinite().all(1, keepdim=True)
    index = ((scores_NC > score_threshold) & finite_N1).flatten().nonzero().squeeze(1)
    return index // num_classes, index % num_classes, scores_NC.flatten()[index]
