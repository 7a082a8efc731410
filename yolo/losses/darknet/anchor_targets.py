"""What Darknet's losses of [yolo] and [Gaussian_yolo] share: which cells answer for a box, and the class rule.

All predictions of a head stand in one list of M = B * A * H * W cells, image by image, anchor by anchor, row by row.
Axes: N true boxes, K writes, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional as F

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou, wh_iou
from yolo.losses.darknet.ground_truth import Truths

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.layers.head_spec import AnchorHeadSpec

LIKELY = 0.25  # class probability from which on an overlap can keep a prediction from being pushed down
FOCAL_ALPHA = 0.5


class Part(NamedTuple):
    """One loss term of one head."""

    raw: Tensor  # a view of the head's raw output
    delta: Tensor  # minus its gradient, of the same shape
    cost: Tensor  # scalar; Darknet's, not a function whose gradient that is


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the cells of a head lie."""

    head: AnchorHeadSpec
    rows: int
    columns: int
    anchors: Tensor  # (A, 2), fractions of the network input

    @classmethod
    def of(cls, head: AnchorHeadSpec, raw: Tensor, image_size: tuple[int, int]) -> Grid:
        """The grid of a raw output (B, A * E, H, W) for a network input of (height, width) pixels."""
        size = raw.new_tensor([image_size[1], image_size[0]])
        return cls(head, raw.shape[2], raw.shape[3], raw.new_tensor(head.anchors_wh) / size)

    @property
    def size(self) -> Tensor:
        """(2,): columns, rows."""
        return self.anchors.new_tensor([self.columns, self.rows])

    def corner(self, cells: Tensor) -> Tensor:
        """(K, 2): column and row of cells (K,)."""
        return torch.stack([cells % self.columns, cells // self.columns % self.rows], dim=1).to(self.anchors.dtype)

    def anchor(self, cells: Tensor) -> Tensor:
        """(K, 2): width and height of the anchors of cells (K,)."""
        return self.anchors[cells // (self.columns * self.rows) % len(self.anchors)]

    def cell(self, image: Tensor, anchor: Tensor, point: Tensor) -> Tensor:
        """(K,): the cells that hold points (K, 2), fractions of the network input; a point outside is moved inside."""
        column = (point[:, 0] * self.columns).long().clamp(0, self.columns - 1)
        row = (point[:, 1] * self.rows).long().clamp(0, self.rows - 1)
        return ((image * len(self.anchors) + anchor) * self.rows + row) * self.columns + column


def answering(grid: Grid, truths: Truths, points: Tensor, image_size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The writes that the true boxes cause, in Darknet's order.

    The anchor of all `num` that is nearest in shape answers, if this head has it; so does each other anchor of this
    head whose shape overlaps by more than `iou_thresh`, where that is below 1.

    Args:
        grid: of the head.
        truths: N true boxes.
        points: (N, 2): what must lie in the cell that answers, fractions of the network input.
        image_size: (height, width) of the network input, pixels.

    Returns:
        The number of the true box, and of the cell, (K,) each.
    """
    head = grid.head
    size = points.new_tensor([image_size[1], image_size[0]])
    every = points.new_tensor(head.anchors[: 2 * head.num]).view(-1, 2) / size
    wh = truths.cxcywh[:, 2:]
    mask = range(head.num) if head.mask is None else head.mask
    best = wh_iou(wh, every).argmax(1)
    near = best[:, None] == torch.tensor(list(mask), device=best.device)
    if head.iou_thresh < 1:
        own = torch.cat([grid.anchors * 0, grid.anchors], dim=1)
        near = near | (_pairwise(own, wh, head.iou_thresh_kind) > head.iou_thresh)
    truth, anchor = near.nonzero(as_tuple=True)
    return truth, grid.cell(truths.image[truth], anchor, points[truth])


def _pairwise(anchors_cxcywh: Tensor, wh: Tensor, kind: str) -> Tensor:
    """(N, A): overlaps of sizes (N, 2) with anchors (A, 4) that share their centre."""
    if kind in ("iou", "mse"):  # Darknet takes what is no overlap as IoU
        return wh_iou(wh, anchors_cxcywh[:, 2:])
    truth = torch.cat([wh * 0, wh], dim=1).repeat_interleave(len(anchors_cxcywh), 0)
    pred = anchors_cxcywh.repeat(len(wh), 1)
    overlaps = elementwise_iou(cxcywh_to_xyxy(pred), cxcywh_to_xyxy(truth), kind)  # type: ignore[arg-type]
    return overlaps.view(len(wh), len(anchors_cxcywh))


def class_weights(head: AnchorHeadSpec, like: Tensor) -> Tensor:
    """(C,): how much more a class counts than the most frequent one, by `counters_per_class`; 1 without."""
    if not head.counters_per_class:
        return like.new_ones(head.classes)
    counters = like.new_tensor(head.counters_per_class).clamp(min=1)
    weights = counters.max() / counters
    return weights if head.max_delta is None else weights.clamp(max=head.max_delta)


class Labels(NamedTuple):
    """The class of K writes."""

    class_id: Tensor  # (K,) int64
    weight: Tensor  # (K,): by `class_weights`


def class_delta(
    head: AnchorHeadSpec, probability: Tensor, delta: Tensor, labels: Labels, *, written: Tensor, focal: bool
) -> Tensor:
    """What becomes of the class deltas of cells when a true box is written to them.

    The first box of a cell sets all classes; a further one only its own.

    Args:
        head: for `label_smooth_eps`, `cls_normalizer` and `counters_per_class`.
        probability: (K, C).
        delta: (K, C), before.
        labels: of the boxes.
        written: (K,) bool: cells that hold a box's classes already.
        focal: multiply a first box's by the focal factor (gamma 2).

    Returns:
        (K, C).

    Source: AlexeyAB/darknet src/yolo_layer.c delta_yolo_class (59596d78).
    """
    class_id, weight = labels
    own = F.one_hot(class_id, head.classes).bool()
    truth = own.to(probability.dtype)
    smooth = truth * (1 - head.label_smooth_eps) + 0.5 * head.label_smooth_eps
    normalizer = head.cls_normalizer if head.counters_per_class else 1.0
    first = (smooth - probability) * torch.where(own, weight[:, None] * normalizer, 1.0)
    if focal:
        certainty = probability[own][:, None]
        factor = -(1 - certainty) * (2 * certainty * torch.log(certainty + 1e-15) + certainty - 1)
        first = (truth - probability) * FOCAL_ALPHA * factor
    further = torch.where(own, (smooth - probability) * weight[:, None], delta)
    return torch.where(written[:, None], further, first)


def shared_out(boxes: Tensor, classes: Tensor) -> Tensor:
    """Box deltas divided by the number of classes that are pulled up; both (M, any)."""
    return boxes / (classes > 0).sum(1, keepdim=True).clamp(min=1)


def clipped(delta: Tensor, limit: float | None) -> Tensor:
    """Without what is no finite number, and within plus and minus the limit."""
    finite = delta.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return finite if limit is None else finite.clamp(-limit, limit)
