"""The parts that Darknet's losses of [yolo] and [Gaussian_yolo] share: assigned anchors, objectness and classes.

The M = B * A * H * W predictions of a head ("cells" in Darknet) are numbered in that order.
Axes: N ground truth boxes, K assigned predictions, C classes, E entries a prediction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, TypeVar

import torch
from torch.nn import functional as F

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou, wh_iou
from yolo.boxes.darknet_iou_gradient import darknet_iou_gradient
from yolo.layers.head_spec import AnchorHeadSpec
from yolo.losses.darknet.deltas import focal_factor
from yolo.losses.darknet.ground_truth import GroundTruth, best_iou, ignored_predictions, split_conflicting_writes
from yolo.losses.prediction_grid import PredictionGrid

if TYPE_CHECKING:
    from torch import Tensor

MIN_CLASS_PROBABILITY = 0.25  # of some class, for an overlap to keep a prediction from being a negative

HeadT = TypeVar("HeadT", bound=AnchorHeadSpec)


class ClassTargets(NamedTuple):
    """The classes of K ground truth boxes."""

    class_id: Tensor  # (K,) int64
    weight: Tensor  # (K,): see `class_weights`


class AnchorHeadDeltas(ABC, Generic[HeadT]):
    """The deltas of one head. They are written in Darknet's order: negatives first, then positives over them.

    Args:
        head: its record.
        raw: (B, A * E, H, W).
        image_size: (height, width) of the network input, pixels.
        focal_loss: multiply the class deltas of positives by a focal factor.
    """

    num_coords: ClassVar[int]
    """Entries before objectness."""

    def __init__(self, head: HeadT, raw: Tensor, image_size: tuple[int, int], *, focal_loss: bool) -> None:
        self.head = head
        self.focal_loss = focal_loss
        self.num_images, _, rows, columns = raw.shape
        self.input_wh = raw.new_tensor([image_size[1], image_size[0]])
        self.grid = PredictionGrid(rows, columns, len(head.anchors_wh), anchors_first=True)
        self.grid_wh = self.grid.size(raw)
        self.anchors_wh = raw.new_tensor(head.anchors_wh) / self.input_wh  # fractions of the network input
        self.out = head.activate(raw).movedim(2, -1).flatten(0, 3)  # (M, E): Darknet's output
        self.delta = torch.zeros_like(self.out)
        self.class_weights = class_weights(head, self.out)
        every = torch.arange(len(self.out), device=raw.device)
        self.cxcywh = self._boxes(self.grid.corner(every), self._anchor_wh(every))  # (M, 4), fractions

    @abstractmethod
    def _boxes(self, corner: Tensor, anchor_wh: Tensor) -> Tensor:
        """Return all boxes (M, 4), cxcywh, fractions of the network input, from their corners and anchors (M, 2)."""

    @abstractmethod
    def _assigned_points(self, gt: GroundTruth) -> Tensor:
        """Return (N, 2): the points of boxes that must lie in the cells that they are assigned to."""

    @abstractmethod
    def _coord_delta(self, cells: Tensor, gt: GroundTruth, weight: Tensor) -> Tensor:
        """Return the deltas of the coordinates (K, num_coords) of cells for their ground truth."""

    @abstractmethod
    def _write_negative_objectness(
        self, iou: Tensor, gt: GroundTruth, gt_index: Tensor, ignored: Tensor | None
    ) -> None:
        """Write the objectness of all predictions as negatives, except where `ignore_thresh` or a region forbids it.

        Args:
            iou: (M,), the largest with a ground truth box.
            gt: N boxes.
            gt_index: (M,), the box that has it.
            ignored: (M,) bool: inside an ignore region; None if there are none.
        """

    @abstractmethod
    def _has_classes(self, class_delta: Tensor, class_id: Tensor) -> Tensor:
        """Return (K,) bool: whether class deltas (K, C) already hold a box's classes."""

    @abstractmethod
    def _may_write_objectness(self, cells: Tensor) -> Tensor:
        """Return (K,) bool: whether a positive sets the objectness delta of its cell."""

    def write_negatives(self, gt: GroundTruth, ignore_regions: GroundTruth) -> None:
        """Write negatives, and as positives the predictions that overlap a box by more than `truth_thresh`."""
        cxcywh = self.cxcywh.view(self.num_images, -1, 4)
        iou, gt_index = (values.flatten() for values in best_iou(cxcywh, gt))
        ignored = ignored_predictions(cxcywh, ignore_regions)
        self._write_negative_objectness(iou, gt, gt_index, None if ignored is None else ignored.flatten())
        if self.head.truth_thresh < 1:
            (cells,) = (iou > self.head.truth_thresh).nonzero(as_tuple=True)
            self._write_overlapping(cells, gt.select(gt_index[cells]), iou[cells].square())

    def _write_overlapping(self, cells: Tensor, gt: GroundTruth, squared_iou: Tensor) -> None:
        """Write predictions that overlap their box by more than `truth_thresh`."""
        head, targets, entry = self.head, self._class_targets(gt), self.num_coords
        objectness = squared_iou if head.objectness_smooth else torch.ones_like(squared_iou)
        self.delta[cells, entry] = head.obj_normalizer * (objectness - self.out[cells, entry])
        self._write_classes(cells, targets)
        if head.objectness_smooth:
            own = entry + 1 + targets.class_id
            self.delta[cells, own] = targets.weight * (squared_iou - self.out[cells, own])
        self.delta[cells, :entry] += self._coord_delta(cells, gt, targets.weight)

    def write_positives(self, gt: GroundTruth) -> tuple[Tensor, GroundTruth]:
        """Write the cells that ground truth is assigned to; return them (K,) with the box of each."""
        gt_index, cells = self._assign(gt)
        gt = gt.select(gt_index)
        targets, entry = self._class_targets(gt), self.num_coords
        coords = self._coord_delta(cells, gt, targets.weight)
        objectness = targets.weight * self.head.obj_normalizer * (1 - self.out[cells, entry])
        for group in split_conflicting_writes(cells):
            at = cells[group]
            self.delta[at, :entry] += coords[group]
            writable = self._may_write_objectness(at)
            self.delta[at, entry] = torch.where(writable, objectness[group], self.delta[at, entry])
            self._write_classes(at, ClassTargets(targets.class_id[group], targets.weight[group]))
        return cells, gt

    def _assign(self, gt: GroundTruth) -> tuple[Tensor, Tensor]:
        """Assign anchors to ground truth in Darknet's order; return the numbers of boxes and cells, (K,) each.

        The nearest in shape of all `num` anchors is assigned if this head has it; so is each other anchor of this head
        whose shape overlaps by more than `iou_thresh`, if that is below 1.
        """
        head, wh = self.head, gt.cxcywh[:, 2:]
        all_anchors = wh.new_tensor(head.anchors[: 2 * head.num]).view(-1, 2) / self.input_wh
        mask = range(head.num) if head.mask is None else head.mask
        nearest = wh_iou(wh, all_anchors).argmax(1)
        assigned = nearest[:, None] == torch.tensor(list(mask), device=wh.device)
        if head.iou_thresh < 1:
            assigned = assigned | (_shape_overlap(wh, self.anchors_wh, head.iou_thresh_kind) > head.iou_thresh)
        gt_index, anchor = assigned.nonzero(as_tuple=True)
        row, column = self.grid.cell_at(self._assigned_points(gt)[gt_index] * self.grid_wh)
        return gt_index, self.grid.index(gt.image[gt_index], anchor, row, column)

    def _anchor_wh(self, cells: Tensor) -> Tensor:
        """Return the anchors (K, 2) of cells, fractions of the network input."""
        return self.anchors_wh[self.grid.anchor(cells)]

    def _class_targets(self, gt: GroundTruth) -> ClassTargets:
        return ClassTargets(gt.class_id, self.class_weights[gt.class_id])

    def _write_classes(self, cells: Tensor, targets: ClassTargets) -> None:
        first = self.num_coords + 1
        before = self.delta[cells, first:]
        written = self._has_classes(before, targets.class_id)
        self.delta[cells, first:] = class_delta(
            self.head, self.out[cells, first:], before, targets, written=written, focal=self.focal_loss
        )

    def _iou_gradient(self, cells: Tensor, gt: GroundTruth) -> Tensor:
        """Return Darknet's gradient (K, 4) of the overlap by cx, cy, w and h."""
        assert self.head.iou_loss != "mse"
        pred = self.cxcywh[cells]
        pred = torch.cat([pred[:, :2], torch.where(pred[:, 2:] == 0, 1.0, pred[:, 2:])], dim=1)  # as in Darknet
        return darknet_iou_gradient(pred, gt.cxcywh, self.head.iou_loss)


def _shape_overlap(gt_wh: Tensor, anchors_wh: Tensor, kind: str) -> Tensor:
    """Return the overlaps (N, A) of boxes (N, 2) with anchors (A, 2) on one center."""
    if kind in ("iou", "mse"):  # for a kind that is no overlap Darknet takes IoU
        return wh_iou(gt_wh, anchors_wh)
    gt_cxcywh = torch.cat([gt_wh * 0, gt_wh], dim=1).repeat_interleave(len(anchors_wh), 0)
    anchors_cxcywh = torch.cat([anchors_wh * 0, anchors_wh], dim=1).repeat(len(gt_wh), 1)
    overlap = elementwise_iou(cxcywh_to_xyxy(anchors_cxcywh), cxcywh_to_xyxy(gt_cxcywh), kind)  # type: ignore[arg-type]
    return overlap.view(len(gt_wh), len(anchors_wh))


def class_weights(head: AnchorHeadSpec, like: Tensor) -> Tensor:
    """Return (C,): by `counters_per_class`, how much more than the most frequent class each class counts; else 1."""
    if not head.counters_per_class:
        return like.new_ones(head.classes)
    counters = like.new_tensor(head.counters_per_class).clamp(min=1)
    weights = counters.max() / counters
    return weights if head.max_delta is None else weights.clamp(max=head.max_delta)


def class_delta(
    head: AnchorHeadSpec, probability: Tensor, delta: Tensor, targets: ClassTargets, *, written: Tensor, focal: bool
) -> Tensor:
    """Return the class deltas of cells after a ground truth box is written to each.

    The first box of a cell sets all classes; a further one sets only its own.

    Args:
        head: for `label_smooth_eps`, `cls_normalizer` and `counters_per_class`.
        probability: (K, C).
        delta: (K, C), before.
        targets: of the boxes.
        written: (K,) bool: cells that already hold a box's classes.
        focal: multiply the deltas of a first box by the focal factor.

    Returns:
        (K, C).

    Source: AlexeyAB/darknet src/yolo_layer.c delta_yolo_class (59596d78).
    """
    class_id, weight = targets
    own = F.one_hot(class_id, head.classes).bool()
    one_hot = own.to(probability.dtype)
    smoothed = one_hot * (1 - head.label_smooth_eps) + 0.5 * head.label_smooth_eps
    normalizer = head.cls_normalizer if head.counters_per_class else 1.0
    first = (smoothed - probability) * torch.where(own, weight[:, None] * normalizer, 1.0)
    if focal:
        first = (one_hot - probability) * focal_factor(probability[own][:, None])
    further = torch.where(own, (smoothed - probability) * weight[:, None], delta)
    return torch.where(written[:, None], further, first)


def divide_by_positive_classes(coord_delta: Tensor, class_delta: Tensor) -> Tensor:
    """Divide coordinate deltas (M, any) by the number of classes (M, C) with a positive delta, if there are any."""
    return coord_delta / (class_delta > 0).sum(1, keepdim=True).clamp(min=1)
