"""The loss with answers chosen by cost: CIoU, and objectness that follows it.

Axes: B images, A anchors, H and W cells, N true boxes, C classes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional as F

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou
from yolo.config.loss_settings import LossSettings
from yolo.losses.anchor_loss import cross_entropy, mean_over_all
from yolo.losses.assigners.anchor_shape import lies_in_ignored, split_ignored
from yolo.losses.assigners.simota import Answers, match_by_cost
from yolo.losses.predictions import HeadPredictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from yolo.layers import Yolo


class _Sums(NamedTuple):
    """What a head adds to the loss, before anything is divided; scalars."""

    box: Tensor  # 1 - CIoU over answers
    class_: Tensor  # cross-entropy over answers, mean over classes
    answers: Tensor  # their number
    objectness: Tensor  # cross-entropy over the predictions that count
    counted: Tensor  # their number


class CostMatchLoss:
    """Box, objectness and class terms.

    Box and class terms are means over the answers of all heads, times the number of heads, so that an answer counts the
    same whichever head gives it; the objectness term is the sum of the heads' means, so that the few predictions of a
    coarse head count together as much as the many of a fine one. The class term grows with the root of the number of
    classes: few classes are told apart soon enough, and many do not drown the rest.

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
        heads = [HeadPredictions.of(head, raw, image_size) for head, raw in zip(self.heads, outputs, strict=True)]
        truths, regions = split_ignored(targets)
        found = match_by_cost(heads, truths, image_size, self.settings.iou_t)
        per_head = [
            self._sums(
                head, answers, truths, self._counted(head, raw, regions, image_size), image_size, objectness_ratio
            )
            for head, raw, answers in zip(heads, outputs, found, strict=True)
        ]
        return self._terms(_Sums(*map(torch.stack, zip(*per_head, strict=True))))

    def _terms(self, sums: _Sums) -> dict[str, Tensor]:
        """Sums (heads,) -> terms: all divisions are here, by the counts of all processes."""
        gain, num_heads, classes = self.settings, len(self.heads), self.heads[0].classes
        answers = sums.answers.sum()
        totals = torch.stack([sums.box.sum(), sums.class_.sum(), *sums.objectness])
        box, class_, *objectness = mean_over_all(totals, torch.stack([answers, answers, *sums.counted]))
        return {
            "box": gain.giou * num_heads * box,
            "objectness": gain.obj * torch.stack(objectness).sum(),
            "class": gain.cls * math.sqrt(classes / 80) * num_heads * class_,
        }

    def _sums(
        self,
        head: HeadPredictions,
        answers: Answers,
        truths: Tensor,
        counted: Tensor,
        image_size: tuple[int, int],
        ratio: float,
    ) -> _Sums:
        gain, classes = self.settings, head.head.classes
        picked = head.pick(answers.prediction)
        size = truths.new_tensor([image_size[1], image_size[0]]).repeat(2)
        truth = truths[answers.truth]
        predicted = cxcywh_to_xyxy(head.boxes_cxcywh(answers.prediction, picked))
        ciou = elementwise_iou(predicted, cxcywh_to_xyxy(truth[:, 2:6] * size), "ciou")
        class_ = picked.sum() * 0  # keeps the output in the graph
        if classes > 1:
            wanted = F.one_hot(truth[:, 1].long(), classes).to(picked.dtype)
            logits = head.head.logits(picked[:, 5:])
            class_ = cross_entropy(logits, wanted, gain.cls_pw, gain.fl_gamma).sum() / classes
        logits = head.head.logits(head.raw[..., 4]).flatten()
        objectness_truth = torch.zeros_like(logits)
        objectness_truth[answers.prediction] = (1 - ratio) + ratio * ciou.detach().clamp(min=0).to(logits.dtype)
        counted[answers.prediction] = True
        each = cross_entropy(logits, objectness_truth, gain.obj_pw, gain.fl_gamma)
        number = logits.new_tensor(len(answers.prediction))
        return _Sums((1 - ciou).sum(), class_, number, (each * counted).sum(), counted.sum().to(each.dtype))

    @staticmethod
    def _counted(head: HeadPredictions, raw: Tensor, regions: Tensor, image_size: tuple[int, int]) -> Tensor:
        """(B * H * W * A,), by number: predictions that lie in no region to ignore."""
        if not len(regions):
            return torch.ones(head.raw[..., 4].numel(), dtype=torch.bool, device=raw.device)
        boxes_xyxy, _ = head.head.decode(raw.detach().to(head.raw.dtype), image_size)
        return ~lies_in_ignored(boxes_xyxy, regions, image_size).flatten()
