"""The loss of the PyTorch YOLOv3 trainers of 2018-2020: anchors assigned by IoU, GIoU, objectness that follows it.

Axes: A anchors, C classes, H and W cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from yolo.losses.assigners.anchor_iou import assign_by_anchor_iou
from yolo.losses.yolo_loss import YoloLoss, global_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.boxes.box_ops import IouKind
    from yolo.losses.head_predictions import HeadPredictions


class AnchorIouLoss(YoloLoss):
    """Box, objectness and class terms; each is the sum over the heads of a mean over predictions."""

    iou_kind: ClassVar[IouKind] = "giou"

    def _terms(
        self, heads: Sequence[HeadPredictions], gt: Tensor, ignore_regions: Tensor, ratio: float
    ) -> dict[str, Tensor]:
        per_head = [self._head_sums(head, gt, ignore_regions, ratio) for head in heads]
        sums = torch.stack([torch.stack([total for total, _ in head]) for head in per_head])
        counts = torch.stack([torch.stack([count for _, count in head]) for head in per_head])
        box, objectness, class_ = global_mean(sums, counts).sum(0)
        gain = self.settings
        return {
            "box": gain.giou * box,
            "objectness": gain.obj * objectness,
            "class": gain.cls * self.heads[0].classes / 80 * class_,
        }

    def _head_sums(
        self, head: HeadPredictions, gt: Tensor, ignore_regions: Tensor, ratio: float
    ) -> tuple[tuple[Tensor, Tensor], ...]:
        """Return the sum and the number of the values of the box, objectness and class terms."""
        index, gt_index = assign_by_anchor_iou(gt, head.anchors_wh, head.grid, head.image_size, self.settings.iou_t)
        assigned_gt, raw = gt[gt_index], head.select(index)
        iou = self._iou(head, index, raw, assigned_gt)
        box = class_ = head.raw.sum() * 0  # keeps every output in the graph when a batch has no boxes
        if len(index):
            box = (1 - iou).sum()
            if head.head.classes > 1:
                class_ = self._class_sum(head.head, raw, assigned_gt[:, 1].long())
        logits = head.head.logits(head.raw[..., 4])
        counted = head.outside(ignore_regions)
        objectness = self._objectness_sum(logits, head.location(index), iou, counted, ratio)
        num_assigned = box.new_tensor(len(index))
        return (box, num_assigned), objectness, (class_, num_assigned * head.head.classes)
