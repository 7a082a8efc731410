"""Darknet's loss of a [Gaussian_yolo] head (arXiv:1904.04620). Predictions and axes as in `anchor_head`.

Source: AlexeyAB/darknet src/gaussian_yolo_layer.c (59596d78).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from yolo.layers import GaussianYolo
from yolo.layers.gaussian_yolo import CENTRE_FROM_POINT
from yolo.losses.darknet.anchor_head import MIN_CLASS_PROBABILITY, AnchorHeadDeltas, divide_by_positive_classes
from yolo.losses.darknet.deltas import LossTerm, clip_delta, split_terms

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.losses.darknet.ground_truth import GroundTruth

DEVIATION_OFFSET = 0.3  # added to a deviation where its own gradient is taken
MIN_DENSITY = 1e-9
SQRT_2_PI = (2 * torch.pi) ** 0.5


def gaussian_terms(
    head: GaussianYolo, raw: Tensor, gt: GroundTruth, ignore_regions: GroundTruth, image_size: tuple[int, int]
) -> dict[str, LossTerm]:
    """Return the loss terms of one head; "box" holds the coordinates and their deviations.

    Args:
        head: its record.
        raw: (B, A * (9 + C), H, W).
        gt: ground truth of the batch.
        ignore_regions: of the batch.
        image_size: (height, width) of the network input, pixels.
    """
    with torch.no_grad():
        deltas = GaussianDeltas(head, raw, image_size, focal_loss=False)
        deltas.write_negatives(gt, ignore_regions)
        deltas.write_positives(gt)
        delta = deltas.delta
        delta[:, :8] = divide_by_positive_classes(delta[:, :8], delta[:, 9:])
    return split_terms(head.split(raw).movedim(2, -1), delta, 8)


class GaussianDeltas(AnchorHeadDeltas[GaussianYolo]):
    """The deltas of one [Gaussian_yolo] head; entries are x, y, w, h, each with its deviation, objectness, classes."""

    num_coords: ClassVar[int] = 8

    @property
    def _center_from_point(self) -> float:
        """The offset of a box's center from the point that x and y give, in widths and heights."""
        return CENTRE_FROM_POINT[self.head.yolo_point]

    def _boxes(self, corner: Tensor, anchor_wh: Tensor) -> Tensor:
        wh = self.out[:, 4:8:2].exp() * anchor_wh
        center = (corner + self.out[:, 0:4:2]) / self.grid_wh + self._center_from_point * wh
        return torch.cat([center, wh], dim=1)

    def _assigned_points(self, gt: GroundTruth) -> Tensor:
        return gt.cxcywh[:, :2] - self._center_from_point * gt.cxcywh[:, 2:]

    def _write_negative_objectness(
        self, iou: Tensor, gt: GroundTruth, gt_index: Tensor, ignored: Tensor | None
    ) -> None:
        head, objectness = self.head, self.out[:, 8]
        overlapping = (iou > head.ignore_thresh) & (self.out[:, 9:] > MIN_CLASS_PROBABILITY).any(1)
        self.delta[:, 8] = -head.obj_normalizer * objectness
        self.delta[overlapping if ignored is None else overlapping | ignored, 8] = 0
        if head.objectness_smooth:
            (cells,) = overlapping.nonzero(as_tuple=True)
            self.delta[cells, 8] = head.obj_normalizer * (iou[cells].square() - objectness[cells])
            self._write_classes(cells, self._class_targets(gt.select(gt_index[cells])))

    def _has_classes(self, class_delta: Tensor, class_id: Tensor) -> Tensor:
        del class_id
        return class_delta[:, 0] != 0  # Darknet checks only the first class

    def _may_write_objectness(self, cells: Tensor) -> Tensor:
        return torch.ones_like(cells, dtype=torch.bool)

    def _coord_delta(self, cells: Tensor, gt: GroundTruth, weight: Tensor) -> Tensor:
        head, out = self.head, self.out[cells]
        mean, deviation, wh = out[:, 0:8:2], out[:, 1:8:2], gt.cxcywh[:, 2:]
        offset = self._assigned_points(gt) * self.grid_wh - self.grid.corner(cells)
        target = torch.cat([offset, (wh / self._anchor_wh(cells)).log()], dim=1)
        distance = (target - mean) / deviation
        density = torch.exp(-distance.square() / 2) / (SQRT_2_PI * (deviation + DEVIATION_OFFSET))
        share = (2 - wh.prod(1, keepdim=True)) / 2 * density / (density + MIN_DENSITY)
        by_mean = share * distance / deviation
        by_deviation = share * (distance.square() / deviation - 1 / (deviation + DEVIATION_OFFSET))
        if head.iou_loss != "mse":
            by_mean = self._mean_gradient_of_iou(cells, gt)
        by_mean = clip_delta(by_mean * (head.iou_normalizer * weight)[:, None], head.max_delta)
        by_deviation = clip_delta(by_deviation * head.uc_normalizer, head.max_delta)
        return torch.stack([by_mean, by_deviation], dim=2).flatten(1)

    def _mean_gradient_of_iou(self, cells: Tensor, gt: GroundTruth) -> Tensor:
        """Return the gradient (K, 4) of the overlap by the raw x, y, w and h."""
        gradient = self._iou_gradient(cells, gt)
        by_size = gradient[:, 2:]
        by_point = gradient[:, :2] - self._center_from_point * by_size
        return torch.cat([by_point, by_size * self.out[cells, 4:8:2].exp()], dim=1)
