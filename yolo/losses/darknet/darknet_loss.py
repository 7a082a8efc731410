"""Darknet's own loss for all kinds of heads, controlled by the keys of their cfg sections.

Darknet writes deltas (minus the gradients of the raw outputs) directly; most are not derivatives of the cost that it
reports. So cost and deltas are computed side by side, and the loss terms have Darknet's values and its gradients.

Axes: B images, N targets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from yolo import distributed
from yolo.layers import Detection, GaussianYolo, HeadSpec, Region, Yolo
from yolo.losses.darknet.detection_head import detection_terms
from yolo.losses.darknet.gaussian_head import gaussian_terms
from yolo.losses.darknet.ground_truth import split_targets
from yolo.losses.darknet.region_head import region_terms
from yolo.losses.darknet.yolo_head import yolo_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.losses.darknet.deltas import LossTerm


class _CostWithDelta(torch.autograd.Function):
    """A cost whose gradient is given separately."""

    @staticmethod
    def forward(ctx: Any, raw: Tensor, delta: Tensor, cost: Tensor) -> Tensor:
        del raw
        ctx.save_for_backward(delta)
        return cost.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None]:
        (delta,) = ctx.saved_tensors
        return -grads[0] * delta, None, None


class DarknetLoss:
    """Box, objectness and class terms as Darknet computes them.

    Values: Darknet sums a head's cost over a mini-batch; its printed loss is the mean over heads and images, and so
    is the sum of these terms. Gradients: Darknet sums deltas over all images of an update, divides the learning rate
    by their number and multiplies the decay by it; the gradient here is minus the mean delta an image, and plain
    momentum SGD with the cfg's `learning_rate`, `momentum` and `decay` is then the same update.

    Args:
        heads: the model's head records, in its order.
    """

    def __init__(self, heads: Sequence[HeadSpec]) -> None:
        self.heads = heads

    def __call__(
        self,
        outputs: Sequence[Tensor],
        targets: Tensor,
        image_size: tuple[int, int],
        *,
        images_seen: int = 0,
        objectness_ratio: float = 1.0,
    ) -> dict[str, Tensor]:
        """Return the loss terms; training minimizes their sum.

        Args:
            outputs: raw tensors of the heads.
            targets: (N, 6): image, class (-1: an ignore region), cx, cy, w, h as fractions of the network input.
            image_size: (height, width) of the network input, pixels.
            images_seen: number of images trained on before this batch; [region] and [detection] begin differently.
            objectness_ratio: unused.
        """
        del objectness_ratio
        num_images = int(distributed.all_reduce_sum(torch.tensor(len(outputs[0]))))
        images_seen += num_images  # Darknet counts a mini-batch before it
        share = num_images / distributed.world_size()
        terms: dict[str, list[Tensor]] = {}
        for head, raw in zip(self.heads, outputs, strict=True):
            wide = raw.to(torch.promote_types(raw.dtype, torch.float32))
            for name, term in self._head_terms(head, wide, targets, image_size, images_seen).items():
                cost = term.cost / (share * len(self.heads))
                terms.setdefault(name, []).append(_CostWithDelta.apply(term.raw, term.delta / share, cost))
        return {name: torch.stack(values).sum() for name, values in terms.items()}

    def _head_terms(
        self, head: HeadSpec, raw: Tensor, targets: Tensor, image_size: tuple[int, int], images_seen: int
    ) -> dict[str, LossTerm]:
        gt, ignore_regions = split_targets(targets, head.classes, raw.dtype)
        if isinstance(head, Yolo):
            return yolo_terms(head, raw, gt, ignore_regions, image_size)
        if isinstance(head, GaussianYolo):
            return gaussian_terms(head, raw, gt, ignore_regions, image_size)
        if isinstance(head, Region):
            return region_terms(head, raw, gt, ignore_regions, images_seen)
        assert isinstance(head, Detection)
        return detection_terms(head, raw, gt, ignore_regions, images_seen)
