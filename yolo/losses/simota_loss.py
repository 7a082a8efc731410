"""The loss with SimOTA-style assignment: CIoU, and objectness that follows it.

Axes: A anchors, H and W cells, N ground truth boxes, C classes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch

from yolo.losses.assigners.simota import SimOtaAssignment, assign_by_cost
from yolo.losses.yolo_loss import YoloLoss, global_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.boxes.box_ops import IouKind
    from yolo.losses.head_predictions import HeadPredictions


class _HeadSums(NamedTuple):
    """Sums over the predictions of one head, not yet divided by any number of predictions; scalars."""

    box: Tensor  # 1 - CIoU over assigned predictions
    class_: Tensor  # cross-entropy over assigned predictions, mean over classes
    num_assigned: Tensor
    objectness: Tensor  # cross-entropy over counted predictions
    num_counted: Tensor


class SimOtaLoss(YoloLoss):
    """Box, objectness and class terms.

    The box and class terms are means over the assigned predictions of all heads, times the number of heads: each
    assigned prediction has the same weight. The objectness term is the sum of the heads' means: each head has the same
    weight, however few predictions it makes. The class term grows with the square root of the number of classes, so
    that many classes do not drown the other terms.
    """

    iou_kind: ClassVar[IouKind] = "ciou"

    def _terms(
        self, heads: Sequence[HeadPredictions], gt: Tensor, ignore_regions: Tensor, ratio: float
    ) -> dict[str, Tensor]:
        assignments = assign_by_cost(heads, gt, heads[0].image_size, self.settings.iou_t)
        per_head = [
            self._head_sums(head, assignment, gt, ignore_regions, ratio)
            for head, assignment in zip(heads, assignments, strict=True)
        ]
        return self._global_terms(_HeadSums(*map(torch.stack, zip(*per_head, strict=True))))

    def _global_terms(self, sums: _HeadSums) -> dict[str, Tensor]:
        """Divide the sums (heads,) by the counts of all processes, and apply the gains."""
        gain, num_heads, classes = self.settings, len(self.heads), self.heads[0].classes
        num_assigned = sums.num_assigned.sum()
        totals = torch.stack([sums.box.sum(), sums.class_.sum(), *sums.objectness])
        counts = torch.stack([num_assigned, num_assigned, *sums.num_counted])
        box, class_, *objectness = global_mean(totals, counts)
        return {
            "box": gain.giou * num_heads * box,
            "objectness": gain.obj * torch.stack(objectness).sum(),
            "class": gain.cls * math.sqrt(classes / 80) * num_heads * class_,
        }

    def _head_sums(
        self, head: HeadPredictions, assignment: SimOtaAssignment, gt: Tensor, ignore_regions: Tensor, ratio: float
    ) -> _HeadSums:
        index, classes = assignment.prediction, head.head.classes
        assigned_gt, raw = gt[assignment.gt_index], head.select(index)
        iou = self._iou(head, index, raw, assigned_gt)
        class_ = raw.sum() * 0  # keeps the output in the graph
        if classes > 1:
            class_ = self._class_sum(head.head, raw, assigned_gt[:, 1].long()) / classes
        logits = head.head.logits(head.raw[..., 4]).flatten()
        counted = head.outside(ignore_regions).flatten()
        objectness, num_counted = self._objectness_sum(logits, (index,), iou, counted, ratio)
        return _HeadSums((1 - iou).sum(), class_, logits.new_tensor(len(index)), objectness, num_counted)
