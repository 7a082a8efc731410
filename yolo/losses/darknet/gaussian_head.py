"""Darknet's loss of a [Gaussian_yolo] head (arXiv:1904.04620). Cells and axes as in `darknet_anchors`.

Source: AlexeyAB/darknet src/gaussian_yolo_layer.c (59596d78).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from yolo.boxes.darknet_iou_gradient import darknet_iou_gradient
from yolo.layers.gaussian_yolo import CENTRE_FROM_POINT
from yolo.losses.darknet.anchor_targets import (
    LIKELY,
    Grid,
    Labels,
    Part,
    answering,
    class_delta,
    class_weights,
    clipped,
    shared_out,
)
from yolo.losses.darknet.ground_truth import Truths, best_overlaps, left_alone, rounds

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.layers import GaussianYolo

MIN_SPREAD = 0.3  # added to a deviation where its own gradient is taken
TINY = 1e-9
NORMAL = (2 * torch.pi) ** 0.5


def gaussian_parts(
    head: GaussianYolo, raw: Tensor, truths: Truths, regions: Truths, image_size: tuple[int, int]
) -> dict[str, Part]:
    """The terms of one head; "box" holds the coordinates and their uncertainties.

    Args:
        head: its record.
        raw: (B, A * (9 + C), H, W).
        truths: true boxes of the batch.
        regions: ignore regions of the batch.
        image_size: (height, width) of the network input, pixels.
    """
    entries = raw.view(raw.shape[0], len(head.anchors_wh), 9 + head.classes, *raw.shape[2:]).movedim(2, -1)
    with torch.no_grad():
        work = _Work.start(head, raw, image_size)
        work.push_down(truths, regions)
        work.pull_up(truths, image_size)
        work.delta[:, :8] = shared_out(work.delta[:, :8], work.delta[:, 9:])
        costs = [part.square().sum() for part in torch.split(work.delta, [8, 1, head.classes], dim=1)]
        delta = work.delta.view(entries.shape)
    return {
        "box": Part(entries[..., :8], delta[..., :8], costs[0]),
        "objectness": Part(entries[..., 8], delta[..., 8], costs[1]),
        "class": Part(entries[..., 9:], delta[..., 9:], costs[2]),
    }


@dataclass(frozen=True, slots=True)
class _Work:
    """The deltas of a head while they are written."""

    head: GaussianYolo
    grid: Grid
    out: Tensor  # (M, 9 + C): what the head gives
    boxes: Tensor  # (M, 4): cxcywh, fractions of the network input
    delta: Tensor  # (M, 9 + C)
    weights: Tensor  # (C,)
    num_images: int

    @classmethod
    def start(cls, head: GaussianYolo, raw: Tensor, image_size: tuple[int, int]) -> _Work:
        grid = Grid.of(head, raw, image_size)
        out = head.activate(raw).movedim(2, -1).flatten(0, 3)
        every = torch.arange(len(out), device=raw.device)
        wh = out[:, 4:8:2].exp() * grid.anchor(every)
        centre = (grid.corner(every) + out[:, 0:4:2]) / grid.size + CENTRE_FROM_POINT[head.yolo_point] * wh
        boxes = torch.cat([centre, wh], dim=1)
        return cls(head, grid, out, boxes, torch.zeros_like(out), class_weights(head, out), len(raw))

    def push_down(self, truths: Truths, regions: Truths) -> None:
        """Every prediction's objectness towards 0, but of those that see a box well (`ignore_thresh`).

        Those that see one better than `truth_thresh` are pulled up to it.
        """
        head, out, per_image = self.head, self.out, self.boxes.view(self.num_images, -1, 4)
        overlap, which = (found.flatten() for found in best_overlaps(per_image, truths))
        spared = (overlap > head.ignore_thresh) & (out[:, 9:] > LIKELY).any(1)
        alone = left_alone(per_image, regions)
        self.delta[:, 8] = -head.obj_normalizer * out[:, 8]
        self.delta[spared if alone is None else spared | alone.flatten(), 8] = 0
        if head.objectness_smooth:
            (cells,) = spared.nonzero(as_tuple=True)
            self.delta[cells, 8] = head.obj_normalizer * (overlap[cells].square() - out[cells, 8])
            self._write_classes(cells, self._labels(truths.pick(which[cells])))
        if head.truth_thresh < 1:
            (cells,) = (overlap > head.truth_thresh).nonzero(as_tuple=True)
            self._write_seen(cells, truths.pick(which[cells]), overlap[cells].square())

    def _write_seen(self, cells: Tensor, truth: Truths, squared: Tensor) -> None:
        """Pull up predictions that see their box better than `truth_thresh`."""
        head, labels = self.head, self._labels(truth)
        target = squared if head.objectness_smooth else torch.ones_like(squared)
        self.delta[cells, 8] = head.obj_normalizer * (target - self.out[cells, 8])
        self._write_classes(cells, labels)
        if head.objectness_smooth:
            own = 9 + labels.class_id
            self.delta[cells, own] = labels.weight * (squared - self.out[cells, own])
        self.delta[cells, :8] += self._box_delta(cells, truth, labels.weight)

    def pull_up(self, truths: Truths, image_size: tuple[int, int]) -> None:
        """The cells that answer for the true boxes."""
        points = truths.cxcywh[:, :2] - CENTRE_FROM_POINT[self.head.yolo_point] * truths.cxcywh[:, 2:]
        number, cells = answering(self.grid, truths, points, image_size)
        truth = truths.pick(number)
        labels = self._labels(truth)
        boxes = self._box_delta(cells, truth, labels.weight)
        for chosen in rounds(cells):
            at, weight = cells[chosen], labels.weight[chosen]
            self.delta[at, :8] += boxes[chosen]
            self.delta[at, 8] = weight * self.head.obj_normalizer * (1 - self.out[at, 8])
            self._write_classes(at, Labels(labels.class_id[chosen], weight))

    def _labels(self, truth: Truths) -> Labels:
        return Labels(truth.class_id, self.weights[truth.class_id])

    def _write_classes(self, cells: Tensor, labels: Labels) -> None:
        before = self.delta[cells, 9:]
        written = before[:, 0] != 0  # Darknet looks at the first class only
        self.delta[cells, 9:] = class_delta(
            self.head, self.out[cells, 9:], before, labels, written=written, focal=False
        )

    def _box_delta(self, cells: Tensor, truth: Truths, weight: Tensor) -> Tensor:
        """(K, 8): of the coordinates of cells and their uncertainties, in turns."""
        head, out = self.head, self.out[cells]
        place, deviation, wh = out[:, 0:8:2], out[:, 1:8:2], truth.cxcywh[:, 2:]
        point = truth.cxcywh[:, :2] - CENTRE_FROM_POINT[head.yolo_point] * wh
        offset = point * self.grid.size - self.grid.corner(cells)
        away = (torch.cat([offset, (wh / self.grid.anchor(cells)).log()], dim=1) - place) / deviation
        density = torch.exp(-away.square() / 2) / (NORMAL * (deviation + MIN_SPREAD))
        share = (2 - wh.prod(1, keepdim=True)) / 2 * density / (density + TINY)
        by_place = share * away / deviation
        by_deviation = share * (away.square() / deviation - 1 / (deviation + MIN_SPREAD))
        if head.iou_loss != "mse":
            by_place = self._overlap_gradient(cells, truth)
        by_place = clipped(by_place * (head.iou_normalizer * weight)[:, None], head.max_delta)
        by_deviation = clipped(by_deviation * head.uc_normalizer, head.max_delta)
        return torch.stack([by_place, by_deviation], dim=2).flatten(1)

    def _overlap_gradient(self, cells: Tensor, truth: Truths) -> Tensor:
        """(K, 4): of the overlap by x, y, width and height."""
        assert self.head.iou_loss != "mse"
        boxes = self.boxes[cells]
        pred = torch.cat([boxes[:, :2], torch.where(boxes[:, 2:] == 0, 1.0, boxes[:, 2:])], dim=1)  # as in Darknet
        gradient = darknet_iou_gradient(pred, truth.cxcywh, self.head.iou_loss)
        by_size = gradient[:, 2:]
        by_point = gradient[:, :2] - CENTRE_FROM_POINT[self.head.yolo_point] * by_size
        return torch.cat([by_point, by_size * self.out[cells, 4:8:2].exp()], dim=1)
