"""The loss with task-aligned assignment: CIoU, and an objectness that predicts how well a prediction fits.

Axes: A anchors, H and W cells, C classes, K assigned predictions of a head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional as F

from yolo import distributed
from yolo.losses.assigners.task_aligned import TaskAlignedAssignment, assign_task_aligned
from yolo.losses.yolo_loss import YoloLoss, focal_cross_entropy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.boxes.box_ops import IouKind
    from yolo.losses.head_predictions import HeadPredictions

# With the default gains these give box, objectness and class terms the weights 5.3, 3.2 and 1.1.
BOX_SCALE, OBJECTNESS_SCALE, CLASS_SCALE = 1.5, 0.05, 0.03


class TaskAlignedLoss(YoloLoss):
    """Box, objectness and class terms: sums over all heads, divided by the sum of the targets.

    The box and class terms of a prediction are weighted by its target. So the gains depend neither on the number of
    classes, images, boxes and heads, nor on how many cells are background. Batches of few objects divide by their
    number of images instead, so that background does not drown what they teach.
    """

    iou_kind: ClassVar[IouKind] = "ciou"

    def _terms(
        self, heads: Sequence[HeadPredictions], gt: Tensor, ignore_regions: Tensor, ratio: float
    ) -> dict[str, Tensor]:
        assignments = assign_task_aligned(heads, gt, heads[0].image_size, self.settings.iou_t)
        per_head = [
            self._head_sums(head, assignment, gt, ignore_regions, ratio)
            for head, assignment in zip(heads, assignments, strict=True)
        ]
        box, objectness, class_, targets = torch.stack(per_head).sum(0)
        counts = torch.stack([targets, targets.new_tensor(float(len(heads[0].raw)))])
        scale = distributed.world_size() / distributed.all_reduce_sum(counts.detach()).max()
        gain = self.settings
        return {
            "box": gain.giou * BOX_SCALE * scale * box,
            "objectness": gain.obj * OBJECTNESS_SCALE * scale * objectness,
            "class": gain.cls * CLASS_SCALE * scale * class_,
        }

    def _head_sums(
        self,
        head: HeadPredictions,
        assignment: TaskAlignedAssignment,
        gt: Tensor,
        ignore_regions: Tensor,
        ratio: float,
    ) -> Tensor:
        """Return the sums of the box, objectness and class terms and of the targets, (4,)."""
        index, target = assignment.prediction, assignment.target
        assigned_gt, raw = gt[assignment.gt_index], head.select(index)
        iou = self._iou(head, index, raw, assigned_gt)
        class_ = raw.sum() * 0  # keeps the output in the graph
        if head.head.classes > 1:
            one_hot = F.one_hot(assigned_gt[:, 1].long(), head.head.classes).to(raw.dtype)
            logits = head.head.logits(raw[:, 5:])
            each = focal_cross_entropy(logits, one_hot, self.settings.cls_pw, self.settings.fl_gamma)
            class_ = (each.sum(1) * target).sum()
        logits = head.head.logits(head.raw[..., 4]).flatten()
        counted = head.outside(ignore_regions).flatten()
        objectness, _ = self._objectness_sum(logits, (index,), target, counted, ratio)
        return torch.stack([((1 - iou) * target).sum(), objectness, class_, target.sum()])
