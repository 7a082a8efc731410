"""Darknet's loss of a [yolo] head. Cells and axes as in `darknet_anchors`.

Source: AlexeyAB/darknet src/yolo_layer.c (59596d78).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou
from yolo.boxes.darknet_iou_gradient import darknet_iou_gradient
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

    from yolo.boxes.box_ops import IouKind
    from yolo.layers import Yolo


def yolo_parts(
    head: Yolo, raw: Tensor, truths: Truths, regions: Truths, image_size: tuple[int, int]
) -> dict[str, Part]:
    """The terms of one head.

    Args:
        head: its record.
        raw: (B, A * (5 + C), H, W).
        truths: true boxes of the batch.
        regions: ignore regions of the batch.
        image_size: (height, width) of the network input, pixels.
    """
    entries = head.split(raw).movedim(2, -1)
    with torch.no_grad():
        work = _Work.start(head, raw, image_size)
        work.push_down(truths, regions)
        overlaps = work.pull_up(truths, image_size)
        if head.iou_thresh < 1:
            shared = shared_out(work.delta[:, :4], work.delta[:, 5:])
            work.delta[:, :4] = torch.where(work.delta[:, 4:5] != 0, shared, work.delta[:, :4])
        box, objectness, class_ = (part.square().sum() for part in torch.split(work.delta, [4, 1, head.classes], dim=1))
        if head.show_details and head.iou_loss != "mse":
            box = head.iou_normalizer * (1 - overlaps).sum() / max(len(overlaps), 1)
            objectness, class_ = objectness * head.obj_normalizer, class_ * head.obj_normalizer
        delta = work.delta.view(entries.shape)
    return {
        "box": Part(entries[..., :4], delta[..., :4], box),
        "objectness": Part(entries[..., 4], delta[..., 4], objectness),
        "class": Part(entries[..., 5:], delta[..., 5:], class_),
    }


@dataclass(frozen=True, slots=True)
class _Work:
    """The deltas of a head while they are written."""

    head: Yolo
    grid: Grid
    out: Tensor  # (M, 5 + C): what the head gives
    boxes: Tensor  # (M, 4): cxcywh, fractions of the network input
    delta: Tensor  # (M, 5 + C)
    weights: Tensor  # (C,)
    num_images: int

    @classmethod
    def start(cls, head: Yolo, raw: Tensor, image_size: tuple[int, int]) -> _Work:
        grid = Grid.of(head, raw, image_size)
        out = head.activate(raw).movedim(2, -1).flatten(0, 3)
        every = torch.arange(len(out), device=raw.device)
        centre = (grid.corner(every) + out[:, :2]) / grid.size
        boxes = torch.cat([centre, head.anchor_factor(out[:, 2:4]) * grid.anchor(every)], dim=1)
        return cls(head, grid, out, boxes, torch.zeros_like(out), class_weights(head, out), len(raw))

    def push_down(self, truths: Truths, regions: Truths) -> None:
        """Every prediction's objectness towards 0, but of those that see a box well (`ignore_thresh`).

        Those that see one better than `truth_thresh` are pulled up to it.
        """
        head, out, per_image = self.head, self.out, self.boxes.view(self.num_images, -1, 4)
        overlap, which = (found.flatten() for found in best_overlaps(per_image, truths))
        seen = torch.where((out[:, 5:] > LIKELY).any(1), overlap, 0.0)
        spared = seen - out[:, 4] if head.objectness_smooth else torch.zeros_like(seen)
        objectness = head.obj_normalizer * torch.where(seen > head.ignore_thresh, spared, -out[:, 4])
        alone = left_alone(per_image, regions)
        self.delta[:, 4] = objectness if alone is None else torch.where(alone.flatten(), 0.0, objectness)
        if head.truth_thresh < 1:
            (cells,) = (overlap > head.truth_thresh).nonzero(as_tuple=True)
            self._write_seen(cells, truths.pick(which[cells]), overlap[cells].square())

    def _write_seen(self, cells: Tensor, truth: Truths, squared: Tensor) -> None:
        """Pull up predictions that see their box better than `truth_thresh`."""
        head, labels = self.head, Labels(truth.class_id, self.weights[truth.class_id])
        target = squared if head.objectness_smooth else torch.ones_like(squared)
        self.delta[cells, 4] = head.obj_normalizer * (target - self.out[cells, 4])
        self._write_classes(cells, labels)
        if head.objectness_smooth:
            own = 5 + labels.class_id
            self.delta[cells, own] = labels.weight * (squared - self.out[cells, own])
        self.delta[cells, :4] += self._box_delta(cells, truth, labels.weight)

    def pull_up(self, truths: Truths, image_size: tuple[int, int]) -> Tensor:
        """The cells that answer for the true boxes, (K,) overlaps of which come back."""
        head = self.head
        number, cells = answering(self.grid, truths, truths.cxcywh[:, :2], image_size)
        truth = truths.pick(number)
        labels = Labels(truth.class_id, self.weights[truth.class_id])
        boxes = self._box_delta(cells, truth, labels.weight)
        objectness = labels.weight * head.obj_normalizer * (1 - self.out[cells, 4])
        for chosen in rounds(cells):
            at = cells[chosen]
            self.delta[at, :4] += boxes[chosen]
            free = self.delta[at, 4] == 0 if head.objectness_smooth else torch.ones_like(at, dtype=torch.bool)
            self.delta[at, 4] = torch.where(free, objectness[chosen], self.delta[at, 4])
            self._write_classes(at, Labels(labels.class_id[chosen], labels.weight[chosen]))
        kind: IouKind = "giou" if head.iou_loss == "giou" else "iou"
        return elementwise_iou(cxcywh_to_xyxy(self.boxes[cells]), cxcywh_to_xyxy(truth.cxcywh), kind)

    def _write_classes(self, cells: Tensor, labels: Labels) -> None:
        before = self.delta[cells, 5:]
        written = before.gather(1, labels.class_id[:, None])[:, 0] != 0
        self.delta[cells, 5:] = class_delta(
            self.head, self.out[cells, 5:], before, labels, written=written, focal=self.head.focal_loss
        )

    def _box_delta(self, cells: Tensor, truth: Truths, weight: Tensor) -> Tensor:
        """(K, 4): of the box entries of cells for their true boxes."""
        head, out, pred = self.head, self.out[cells, :4], self.boxes[cells]
        normalizer = (head.iou_normalizer * weight)[:, None]
        if head.iou_loss == "mse":
            wh = truth.cxcywh[:, 2:]
            offset = truth.cxcywh[:, :2] * self.grid.size - self.grid.corner(cells)
            factor = wh / self.grid.anchor(cells)
            size = (factor / 4).sqrt() if head.new_coords else factor.log()
            return (2 - wh.prod(1, keepdim=True)) * (torch.cat([offset, size], dim=1) - out) * normalizer
        pred = torch.cat([pred[:, :2], torch.where(pred[:, 2:] == 0, 1.0, pred[:, 2:])], dim=1)  # as in Darknet
        gradient = darknet_iou_gradient(pred, truth.cxcywh, head.iou_loss)
        if not head.new_coords:
            gradient = torch.cat([gradient[:, :2], gradient[:, 2:] * out[:, 2:].exp()], dim=1)
        return clipped(gradient * normalizer, head.max_delta)
