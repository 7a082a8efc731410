"""Darknet's loss of a [yolo] head. Predictions and axes as in `anchor_head`.

Source: AlexeyAB/darknet src/yolo_layer.c (59596d78).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou
from yolo.layers import Yolo
from yolo.losses.darknet.anchor_head import MIN_CLASS_PROBABILITY, AnchorHeadDeltas, divide_by_positive_classes
from yolo.losses.darknet.deltas import LossTerm, clip_delta, split_terms

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.boxes.box_ops import IouKind
    from yolo.losses.darknet.ground_truth import GroundTruth


def yolo_terms(
    head: Yolo, raw: Tensor, gt: GroundTruth, ignore_regions: GroundTruth, image_size: tuple[int, int]
) -> dict[str, LossTerm]:
    """Return the loss terms of one head.

    Args:
        head: its record.
        raw: (B, A * (5 + C), H, W).
        gt: ground truth of the batch.
        ignore_regions: of the batch.
        image_size: (height, width) of the network input, pixels.
    """
    with torch.no_grad():
        deltas = YoloDeltas(head, raw, image_size, focal_loss=head.focal_loss)
        deltas.write_negatives(gt, ignore_regions)
        cells, assigned_gt = deltas.write_positives(gt)
        delta = deltas.delta
        if head.iou_thresh < 1:
            divided = divide_by_positive_classes(delta[:, :4], delta[:, 5:])
            delta[:, :4] = torch.where(delta[:, 4:5] != 0, divided, delta[:, :4])
    terms = split_terms(head.split(raw).movedim(2, -1), delta, 4)
    if head.show_details and head.iou_loss != "mse":
        kind: IouKind = "giou" if head.iou_loss == "giou" else "iou"
        pred_xyxy = cxcywh_to_xyxy(deltas.cxcywh[cells])
        iou = elementwise_iou(pred_xyxy, cxcywh_to_xyxy(assigned_gt.cxcywh), kind)
        terms["box"] = terms["box"]._replace(cost=head.iou_normalizer * (1 - iou).sum() / max(len(iou), 1))
        for name in ("objectness", "class"):
            terms[name] = terms[name]._replace(cost=terms[name].cost * head.obj_normalizer)
    return terms


class YoloDeltas(AnchorHeadDeltas[Yolo]):
    """The deltas of one [yolo] head; entries are x, y, w, h, objectness, classes."""

    num_coords: ClassVar[int] = 4

    def _boxes(self, corner: Tensor, anchor_wh: Tensor) -> Tensor:
        center = (corner + self.out[:, :2]) / self.grid_wh
        return torch.cat([center, self.head.anchor_factor(self.out[:, 2:4]) * anchor_wh], dim=1)

    def _assigned_points(self, gt: GroundTruth) -> Tensor:
        return gt.cxcywh[:, :2]

    def _write_negative_objectness(
        self, iou: Tensor, gt: GroundTruth, gt_index: Tensor, ignored: Tensor | None
    ) -> None:
        del gt, gt_index
        head, objectness = self.head, self.out[:, 4]
        iou = torch.where((self.out[:, 5:] > MIN_CLASS_PROBABILITY).any(1), iou, 0.0)
        overlapping = iou - objectness if head.objectness_smooth else torch.zeros_like(iou)
        delta = head.obj_normalizer * torch.where(iou > head.ignore_thresh, overlapping, -objectness)
        self.delta[:, 4] = delta if ignored is None else torch.where(ignored, 0.0, delta)

    def _has_classes(self, class_delta: Tensor, class_id: Tensor) -> Tensor:
        return class_delta.gather(1, class_id[:, None])[:, 0] != 0

    def _may_write_objectness(self, cells: Tensor) -> Tensor:
        if self.head.objectness_smooth:
            return self.delta[cells, 4] == 0
        return torch.ones_like(cells, dtype=torch.bool)

    def _coord_delta(self, cells: Tensor, gt: GroundTruth, weight: Tensor) -> Tensor:
        head, out = self.head, self.out[cells, :4]
        normalizer = (head.iou_normalizer * weight)[:, None]
        if head.iou_loss == "mse":
            wh = gt.cxcywh[:, 2:]
            offset = gt.cxcywh[:, :2] * self.grid_wh - self.grid.corner(cells)
            factor = wh / self._anchor_wh(cells)
            raw_wh = (factor / 4).sqrt() if head.new_coords else factor.log()
            return (2 - wh.prod(1, keepdim=True)) * (torch.cat([offset, raw_wh], dim=1) - out) * normalizer
        gradient = self._iou_gradient(cells, gt)
        if not head.new_coords:
            gradient = torch.cat([gradient[:, :2], gradient[:, 2:] * out[:, 2:].exp()], dim=1)
        return clip_delta(gradient * normalizer, head.max_delta)
