"""Darknet's loss of a [region] head (YOLOv2, YOLO9000).

The M = B * H * W * A predictions of a head ("cells" in Darknet) are numbered in that order.
Axes: N ground truth boxes, K assigned predictions, C classes.

Source: AlexeyAB/darknet src/region_layer.c (59596d78).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou
from yolo.layers.class_tree import read_tree
from yolo.losses.darknet.deltas import LossTerm, focal_factor, split_terms
from yolo.losses.darknet.ground_truth import GroundTruth, best_iou, ignored_predictions, split_conflicting_writes
from yolo.losses.prediction_grid import PredictionGrid

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.layers import Region

WARM_UP_IMAGES = 12800  # before that every box is drawn to its anchor
WARM_UP_SCALE = 0.01


def region_terms(
    head: Region, raw: Tensor, gt: GroundTruth, ignore_regions: GroundTruth, images_seen: int
) -> dict[str, LossTerm]:
    """Return the loss terms of one head.

    Args:
        head: its record.
        raw: (B, A * (coords + 1 + C), H, W).
        gt: ground truth of the batch.
        ignore_regions: of the batch.
        images_seen: images trained on, including this batch.
    """
    with torch.no_grad():
        deltas = RegionDeltas(head, raw)
        deltas.write_negatives(gt, ignore_regions)
        if images_seen < WARM_UP_IMAGES:
            deltas.write_warm_up()
        deltas.write_positives(gt)
    entries = raw.view(raw.shape[0], head.num, -1, *raw.shape[2:]).permute(0, 3, 4, 1, 2)
    return split_terms(entries, deltas.delta, head.coords)


class RegionDeltas:
    """The deltas of one [region] head.

    Args:
        head: its record.
        raw: (B, A * (coords + 1 + C), H, W).
    """

    def __init__(self, head: Region, raw: Tensor) -> None:
        self.head = head
        self.num_images, _, rows, columns = raw.shape
        self.grid = PredictionGrid(rows, columns, head.num)
        self.grid_wh = self.grid.size(raw)
        self.anchors_wh = raw.new_tensor(head.anchors[: 2 * head.num]).view(-1, 2)  # cells
        out = head.activate(raw).flatten(0, 3)
        self.delta = torch.zeros_like(out)  # (M, coords + 1 + C)
        self.xy, self.raw_wh = out[:, :2].sigmoid(), out[:, 2:4]
        self.objectness, self.classes = out[:, head.coords], out[:, head.coords + 1 :]
        every = torch.arange(len(out), device=raw.device)
        boxes = torch.cat([self.grid.corner(every) + self.xy, self.raw_wh.exp() * self._anchor_wh(every)], dim=1)
        self.cxcywh = boxes / self.grid_wh.repeat(2)  # (M, 4), fractions of the network input
        self.objectness_slope = self.objectness * (1 - self.objectness)  # of its sigmoid

    def write_negatives(self, gt: GroundTruth, ignore_regions: GroundTruth) -> None:
        """Write the objectness of all predictions as negatives, except where they overlap a box by `thresh`."""
        head, entry = self.head, self.head.coords
        cxcywh = self.cxcywh.view(self.num_images, -1, 4)
        iou, gt_index = (values.flatten() for values in best_iou(cxcywh, gt))
        target = iou if head.classfix == -1 else torch.zeros_like(iou)
        self.delta[:, entry] = head.noobject_scale * (target - self.objectness) * self.objectness_slope
        overlapping = iou > head.thresh
        if head.classfix != -1:
            self.delta[overlapping, entry] = 0
        if (ignored := ignored_predictions(cxcywh, ignore_regions)) is not None:
            self.delta[ignored.flatten(), entry] = 0
        if head.classfix > 0:
            (cells,) = overlapping.nonzero(as_tuple=True)
            scale = self.objectness[cells] if head.classfix == 2 else torch.ones_like(iou[cells])
            self._write_classes(cells, gt.class_id[gt_index[cells]], head.class_scale * scale)

    def write_warm_up(self) -> None:
        """Draw every box to the middle of its cell and to its anchor's size."""
        every = torch.arange(len(self.xy), device=self.xy.device)
        boxes = torch.cat([self.grid.corner(every) + 0.5, self._anchor_wh(every)], dim=1)
        self.delta[:, :4] = WARM_UP_SCALE * self._box_delta(every, boxes / self.grid_wh.repeat(2))

    def write_positives(self, gt: GroundTruth) -> None:
        """Write the cells that ground truth is assigned to; the later of two boxes in a cell overwrites the earlier."""
        head, entry = self.head, self.head.coords
        cells = self._assign(gt)
        iou = elementwise_iou(cxcywh_to_xyxy(self.cxcywh[cells]), cxcywh_to_xyxy(gt.cxcywh), "iou")
        target = iou if head.rescore else torch.ones_like(iou)
        boxes = head.coord_scale * self._box_delta(cells, gt.cxcywh)
        for group in split_conflicting_writes(cells):
            at = cells[group]
            self.delta[at, :4] = boxes[group]
            error = target[group] - self.objectness[at]
            self.delta[at, entry] = head.object_scale * error * self.objectness_slope[at]
            self._write_classes(at, gt.class_id[group], iou.new_full((len(at),), head.class_scale))

    def _assign(self, gt: GroundTruth) -> Tensor:
        """Return (N,): the cell of each box, with the anchor (`bias_match`) or prediction that is nearest in shape."""
        row, column = self.grid.cell_at(gt.cxcywh[:, :2] * self.grid_wh)
        anchor = torch.arange(self.head.num, device=row.device)
        cells = self.grid.index(gt.image[:, None], anchor, row[:, None], column[:, None])
        wh = self.cxcywh[cells][..., 2:]
        if self.head.bias_match:
            wh = (self.anchors_wh / self.grid_wh).expand_as(wh)
        gt_wh = gt.cxcywh[:, None, 2:]
        intersection = torch.minimum(wh, gt_wh).prod(-1)
        iou = (intersection / (wh.prod(-1) + gt_wh.prod(-1) - intersection)).nan_to_num(nan=0.0)
        return cells.gather(1, iou.argmax(1, keepdim=True))[:, 0]

    def _box_delta(self, cells: Tensor, gt_cxcywh: Tensor) -> Tensor:
        """Return the deltas (K, 4) of x, y, w and h of cells for their boxes, fractions, before any scale."""
        xy = self.xy[cells]
        by_center = (gt_cxcywh[:, :2] * self.grid_wh - self.grid.corner(cells) - xy) * xy * (1 - xy)
        by_size = (gt_cxcywh[:, 2:] * self.grid_wh / self._anchor_wh(cells)).log() - self.raw_wh[cells]
        return torch.cat([by_center, by_size], dim=1)

    def _anchor_wh(self, cells: Tensor) -> Tensor:
        """Return the anchors (K, 2) of cells, in cells of the grid."""
        return self.anchors_wh[self.grid.anchor(cells)]

    def _write_classes(self, cells: Tensor, class_id: Tensor, scale: Tensor) -> None:
        """Write classes; with a tree only those of the box's class, its ancestors and the siblings of all of these."""
        head, probability = self.head, self.classes[cells]
        if head.tree is None:
            one_hot = F.one_hot(class_id, head.classes).to(probability.dtype)
            delta = (one_hot - probability) * scale[:, None]
            if head.focal_loss:
                delta = delta * focal_factor((probability * one_hot).sum(1, keepdim=True))
        else:
            positive, trained = read_tree(head.tree).ancestor_masks(class_id)
            before = self.delta[cells, head.coords + 1 :]
            delta = torch.where(trained, (positive.to(probability.dtype) - probability) * scale[:, None], before)
        self.delta[cells, head.coords + 1 :] = delta
