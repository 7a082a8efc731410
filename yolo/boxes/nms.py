"""Non-maximum suppression of a batch: decoded predictions in, `Detections` out.

Axes: B images, N candidate boxes, C classes, K candidates (a box with one class).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from yolo.boxes.detections import Detections
from yolo.boxes.nms_methods import GREEDY, Candidates, NmsMethod, suppress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.boxes.detections import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class NmsSettings:
    """Thresholds and rules of non-maximum suppression."""

    score_threshold: float  # a candidate needs a higher score than this, also after suppression lowered it
    iou_threshold: float  # a candidate is suppressed if its overlap with a better survivor is more than this
    max_detections: int = 100  # maximum number of survivors per image, best first; COCO counts 100
    multi_label: bool = True  # every class of a box above the threshold is a candidate; else only its best class
    class_agnostic: bool = False  # boxes of different classes suppress each other too
    classes: Sequence[int] | None = None  # ids of the classes to detect; None: all
    method: NmsMethod = GREEDY  # how overlap is measured, and whether it removes a candidate or lowers its score


def non_max_suppression(predictions: Predictions, settings: NmsSettings) -> list[Detections]:
    """Take the best candidate, drop or lower the scores of those that overlap it, repeat.

    The result depends only on the input: equal scores are taken in the order (box, class), all candidates are
    considered, there is no time limit, and boxes that are not finite are left out. Memory grows with the number of
    candidates, not of pairs.

    Args:
        predictions: B images, any float type and device.
        settings: thresholds and rules.

    Returns:
        One `Detections` per image, on the device of the input.
    """
    detections = []
    for boxes_N4, scores_NC in zip(predictions.boxes_xyxy, predictions.scores, strict=True):
        allowed_NC = _mask_classes(scores_NC.float(), settings.multi_label, settings.classes)
        box_index_K, class_id_K, score_K = _above_threshold(boxes_N4, allowed_NC, settings.score_threshold)
        group_K = torch.zeros_like(class_id_K) if settings.class_agnostic else class_id_K
        candidates = Candidates(boxes_N4, box_index_K, score_K, group_K)
        kept = suppress(
            candidates, settings.method, settings.iou_threshold, settings.score_threshold, settings.max_detections
        )
        detections.append(Detections(kept.xyxy, kept.score, class_id_K[kept.index]))
    return detections


def _mask_classes(scores_NC: Tensor, multi_label: bool, classes: Sequence[int] | None) -> Tensor:
    """Return the scores with -inf for classes that must not become candidates."""
    if not multi_label:
        best_N1 = scores_NC.argmax(1, keepdim=True)
        scores_NC = torch.full_like(scores_NC, -torch.inf).scatter(1, best_N1, scores_NC.gather(1, best_N1))
    if classes is not None:
        wanted_C = torch.zeros(scores_NC.shape[1], dtype=torch.bool, device=scores_NC.device)
        wanted_C[list(classes)] = True
        scores_NC = scores_NC.masked_fill(~wanted_C, -torch.inf)
    return scores_NC


def _above_threshold(boxes_N4: Tensor, scores_NC: Tensor, score_threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return the box indices, class ids and scores of the candidates, each (K,), in the order (box, class)."""
    num_classes = scores_NC.shape[1]
    finite_N1 = boxes_N4.isfinite().all(1, keepdim=True)
    index = ((scores_NC > score_threshold) & finite_N1).flatten().nonzero().squeeze(1)
    return index // num_classes, index % num_classes, scores_NC.flatten()[index]
