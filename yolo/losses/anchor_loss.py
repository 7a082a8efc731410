"""The loss of the PyTorch YOLOv3 trainers of 2018-2020: anchors matched by shape, GIoU, objectness that follows it.

Axes: B images, A anchors, P matches, C classes, H and W cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from yolo import distributed
from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou
from yolo.config.loss_settings import LossSettings
from yolo.layers import Yolo
from yolo.losses.assigners.anchor_shape import AnchorMatches, lies_in_ignored, match_by_shape, split_ignored
from yolo.losses.predictions import MAX_RAW_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

FOCAL_ALPHA = 0.25  # weight of positives in the focal loss; negatives have the rest


class ShapeMatchLoss:
    """Box, objectness and class terms, each a mean, summed over the heads.

    Args:
        heads: the model's [yolo] records.
        settings: gains and thresholds.
    """

    def __init__(self, heads: Sequence[Yolo], settings: LossSettings) -> None:
        self.heads = heads
        self.settings = settings

    def __call__(
        self,
        outputs: Sequence[Tensor],
        targets: Tensor,
        image_size: tuple[int, int],
        *,
        images_seen: int = 0,
        objectness_ratio: float = 1.0,
    ) -> dict[str, Tensor]:
        """Loss terms, gains applied; their sum is what to minimise.

        Args:
            outputs: raw tensors of the heads, (B, A * (5 + C), H, W) each.
            targets: (N, 6) float32: image, class, cx, cy, w, h as fractions of the network input. Class -1 is a region
                to ignore: a prediction mostly inside it that answers for no box adds nothing to the objectness term.
            image_size: (height, width) of the network input, pixels.
            images_seen: unused.
            objectness_ratio: see `Loss`.
        """
        del images_seen
        sums = [
            self._head_sums(
                head, raw.to(torch.promote_types(raw.dtype, torch.float32)), targets, image_size, objectness_ratio
            )
            for head, raw in zip(self.heads, outputs, strict=True)
        ]
        totals = torch.stack([torch.stack([total for total, _ in head]) for head in sums])
        counts = torch.stack([torch.stack([count for _, count in head]) for head in sums])
        box, objectness, class_ = mean_over_all(totals, counts).sum(0)
        gain = self.settings
        return {
            "box": gain.giou * box,
            "objectness": gain.obj * objectness,
            "class": gain.cls * self.heads[0].classes / 80 * class_,
        }

    def _head_sums(
        self, head: Yolo, raw: Tensor, targets: Tensor, image_size: tuple[int, int], ratio: float
    ) -> tuple[tuple[Tensor, Tensor], ...]:
        """Of the box, objectness and class term: the sum of its values, and their number."""
        x = head.split(raw).permute(0, 1, 3, 4, 2)
        anchors = x.new_tensor(head.anchors_wh)
        grid = (raw.shape[2], raw.shape[3])
        truths, regions = split_ignored(targets)
        matches = match_by_shape(truths, anchors, grid, image_size, self.settings.iou_t)
        counted = self._counted(head, raw, regions, image_size)
        objectness_truth = torch.zeros_like(x[..., 4])
        box = class_ = x.sum() * 0  # keeps every output in the graph when a batch has no boxes
        if len(matches.image):
            picked = x[matches.image, matches.anchor, matches.row, matches.column]
            giou = self._giou(head, picked, matches, anchors, image_size, grid)
            box = (1 - giou).sum()
            cells = (matches.image, matches.anchor, matches.row, matches.column)
            reached = giou.detach().clamp(min=0).to(x.dtype)
            objectness_truth[cells] = (1 - ratio) + ratio * reached
            counted[cells] = True
            if head.classes > 1:
                truth = F.one_hot(matches.class_id, head.classes).to(x.dtype)
                logits = head.logits(picked[:, 5:])
                class_ = cross_entropy(logits, truth, self.settings.cls_pw, self.settings.fl_gamma).sum()
        logits = head.logits(x[..., 4])
        each = cross_entropy(logits, objectness_truth, self.settings.obj_pw, self.settings.fl_gamma)
        num_matches = box.new_tensor(len(matches.image))
        return (
            (box, num_matches),
            ((each * counted).sum(), counted.sum().to(box.dtype)),
            (class_, num_matches * head.classes),
        )

    @staticmethod
    def _counted(head: Yolo, raw: Tensor, regions: Tensor, image_size: tuple[int, int]) -> Tensor:
        """(B, A, H, W): predictions that lie in no region to ignore."""
        batch, _, rows, columns = raw.shape
        shape = (batch, rows, columns, len(head.anchors_wh))
        if not len(regions):
            return torch.ones(shape, dtype=torch.bool, device=raw.device).permute(0, 3, 1, 2)
        boxes_xyxy, _ = head.decode(raw.detach(), image_size)
        return ~lies_in_ignored(boxes_xyxy, regions, image_size).view(shape).permute(0, 3, 1, 2)

    def _giou(
        self,
        head: Yolo,
        picked: Tensor,
        matches: AnchorMatches,
        anchors: Tensor,
        image_size: tuple[int, int],
        grid: tuple[int, int],
    ) -> Tensor:
        """(P,): GIoU of predicted and true boxes."""
        corner = torch.stack([matches.column, matches.row], dim=1)
        stride = picked.new_tensor([image_size[1] / grid[1], image_size[0] / grid[0]])
        centre = (corner + head.cell_offset(picked[:, :2])) * stride
        wh = head.anchor_factor(picked[:, 2:4].clamp(max=MAX_RAW_SIZE)) * anchors[matches.anchor]
        predicted = cxcywh_to_xyxy(torch.cat([centre, wh], dim=1))
        return elementwise_iou(predicted, cxcywh_to_xyxy(matches.truth_cxcywh), "giou")


def mean_over_all(sums: Tensor, counts: Tensor) -> Tensor:
    """Means over the values of all processes, from each one's sums: the mean over processes of what comes back.

    Args:
        sums: any shape, of this process.
        counts: the same shape, how many values each is of; a mean of none is 0.
    """
    return sums * distributed.world_size() / distributed.all_reduce_sum(counts).clamp(min=1)


def cross_entropy(logits: Tensor, truth: Tensor, positive_weight: float, focal_gamma: float) -> Tensor:
    """Binary cross-entropy of each value, positives weighted; with a gamma above 0 times its focal factor.

    Args:
        logits: any shape.
        truth: the same shape, 0..1.
        positive_weight: of the part that pulls up.
        focal_gamma: of the focal factor.

    Source: focal loss arXiv:1708.02002, with its alpha of 0.25.
    """
    weight = None if positive_weight == 1 else logits.new_tensor(positive_weight)
    each = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=weight, reduction="none")
    if focal_gamma == 0:
        return each
    probability = logits.sigmoid()
    wrong = truth * (1 - probability) + (1 - truth) * probability
    alpha = truth * FOCAL_ALPHA + (1 - truth) * (1 - FOCAL_ALPHA)
    return each * alpha * wrong**focal_gamma
