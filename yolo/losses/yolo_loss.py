"""The parts that the losses for [yolo] heads share: cross-entropy with a focal factor, and sums over predictions.

Axes: B images, H and W cells, A anchors, P assigned predictions, C classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional as F

from yolo import distributed
from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou
from yolo.config.loss_settings import LossSettings
from yolo.losses.head_predictions import HeadPredictions
from yolo.losses.ignore_regions import split_ignore_regions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.boxes.box_ops import IouKind
    from yolo.layers import Yolo

FOCAL_ALPHA = 0.25  # weight of positives in the focal loss; negatives get the rest


class YoloLoss(ABC):
    """Base of the losses for [yolo] heads whose gains and thresholds are a `LossSettings`.

    Args:
        heads: the model's [yolo] records.
        settings: gains and thresholds.
    """

    iou_kind: ClassVar[IouKind]
    """The IoU that the box term maximizes and that objectness follows."""

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
        """Return the loss terms with their gains applied; training minimizes their sum.

        Args:
            outputs: raw tensors of the heads, (B, A * (5 + C), H, W) each.
            targets: (N, 6) float32: image, class, cx, cy, w, h as fractions of the network input. Class -1 is an ignore
                region: an unassigned prediction mostly inside it adds nothing to the objectness term.
            image_size: (height, width) of the network input, pixels.
            images_seen: unused.
            objectness_ratio: share of a positive's objectness target that is the IoU of its prediction; the rest is 1.
        """
        del images_seen
        heads = [
            HeadPredictions.from_output(head, output, image_size)
            for head, output in zip(self.heads, outputs, strict=True)
        ]
        gt, ignore_regions = split_ignore_regions(targets)
        return self._terms(heads, gt, ignore_regions, objectness_ratio)

    @abstractmethod
    def _terms(
        self, heads: Sequence[HeadPredictions], gt: Tensor, ignore_regions: Tensor, ratio: float
    ) -> dict[str, Tensor]:
        """Return the loss terms with their gains applied.

        Args:
            heads: predictions of each head.
            gt: (N, 6), the targets without ignore regions.
            ignore_regions: (R, 6).
            ratio: `objectness_ratio` of `__call__`.
        """

    def _iou(self, head: HeadPredictions, index: Tensor, raw: Tensor, gt: Tensor) -> Tensor:
        """Return the IoU (P,) of predictions with their ground truth.

        Args:
            head: predictions of one head.
            index: (P,), numbers of the assigned predictions.
            raw: (P, 5 + C), their raw values.
            gt: (P, 6), the target of each.
        """
        height, width = head.image_size
        gt_cxcywh = gt[:, 2:6] * gt.new_tensor([width, height, width, height])
        pred_xyxy = cxcywh_to_xyxy(head.boxes_cxcywh(index, raw))
        return elementwise_iou(pred_xyxy, cxcywh_to_xyxy(gt_cxcywh), self.iou_kind)

    def _class_sum(self, head: Yolo, raw: Tensor, class_id: Tensor) -> Tensor:
        """Sum the cross-entropy of the classes of predictions, raw (P, 5 + C), with their class ids (P,)."""
        target = F.one_hot(class_id, head.classes).to(raw.dtype)
        logits = head.logits(raw[:, 5:])
        return focal_cross_entropy(logits, target, self.settings.cls_pw, self.settings.fl_gamma).sum()

    def _objectness_sum(
        self, logits: Tensor, positives: tuple[Tensor, ...], iou: Tensor, counted: Tensor, ratio: float
    ) -> tuple[Tensor, Tensor]:
        """Sum the cross-entropy of objectness, and count its values.

        Args:
            logits: any shape.
            positives: indices of P assigned predictions in `logits`, one tensor an axis.
            iou: (P,), which their targets follow.
            counted: bool, the shape of `logits`: whether a negative counts; positives always do.
            ratio: share of their targets that is the IoU.
        """
        target = torch.zeros_like(logits)
        target[positives] = (1 - ratio) + ratio * iou.detach().clamp(min=0).to(logits.dtype)
        counted[positives] = True
        each = focal_cross_entropy(logits, target, self.settings.obj_pw, self.settings.fl_gamma)
        return (each * counted).sum(), counted.sum().to(each.dtype)


def global_mean(sums: Tensor, counts: Tensor) -> Tensor:
    """Turn sums into means over the values of all processes; averaging the result over processes gives the mean.

    Args:
        sums: of this process, any shape.
        counts: the same shape: how many values each sum has; the mean of no values is 0.
    """
    return sums * distributed.world_size() / distributed.all_reduce_sum(counts).clamp(min=1)


def focal_cross_entropy(logits: Tensor, target: Tensor, positive_weight: float, gamma: float) -> Tensor:
    """Return the binary cross-entropy of each value, times its focal factor if gamma is above 0.

    Args:
        logits: any shape.
        target: the same shape, 0..1.
        positive_weight: weight of the positive part.
        gamma: exponent of the focal factor; 0 turns it off.

    Source: focal loss arXiv:1708.02002, with its alpha of 0.25.
    """
    weight = None if positive_weight == 1 else logits.new_tensor(positive_weight)
    each = F.binary_cross_entropy_with_logits(logits, target, pos_weight=weight, reduction="none")
    if gamma == 0:
        return each
    probability = logits.sigmoid()
    error = target * (1 - probability) + (1 - target) * probability
    alpha = target * FOCAL_ALPHA + (1 - target) * (1 - FOCAL_ALPHA)
    return each * alpha * error**gamma
