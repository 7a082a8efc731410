"""Darknet's loss of a [region] head (YOLOv2, YOLO9000).

All predictions stand in one list of M = B * H * W * A cells, as the head gives them. Axes: N true boxes, K writes,
C classes.

Source: AlexeyAB/darknet src/region_layer.c (59596d78).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou
from yolo.layers.class_tree import read_tree
from yolo.losses.darknet.anchor_targets import FOCAL_ALPHA, Part
from yolo.losses.darknet.ground_truth import Truths, best_overlaps, left_alone, rounds

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.layers import Region

WARM_UP_IMAGES = 12800  # until then every box is drawn to its anchor
WARM_UP_SCALE = 0.01


def region_parts(head: Region, raw: Tensor, truths: Truths, regions: Truths, seen: int) -> dict[str, Part]:
    """The terms of one head.

    Args:
        head: its record.
        raw: (B, A * (coords + 1 + C), H, W).
        truths: true boxes of the batch.
        regions: ignore regions of the batch.
        seen: images trained on, these included.
    """
    coords = head.coords
    entries = raw.view(raw.shape[0], head.num, -1, *raw.shape[2:]).permute(0, 3, 4, 1, 2)
    with torch.no_grad():
        work = _Work.start(head, raw)
        work.push_down(truths, regions)
        if seen < WARM_UP_IMAGES:
            work.warm_up()
        work.pull_up(truths)
        costs = [part.square().sum() for part in torch.split(work.delta, [coords, 1, head.classes], dim=1)]
        delta = work.delta.view(entries.shape)
    return {
        "box": Part(entries[..., :coords], delta[..., :coords], costs[0]),
        "objectness": Part(entries[..., coords], delta[..., coords], costs[1]),
        "class": Part(entries[..., coords + 1 :], delta[..., coords + 1 :], costs[2]),
    }


@dataclass(frozen=True, slots=True)
class _Work:
    """The deltas of a head while they are written."""

    head: Region
    shape: tuple[int, int, int]  # images, rows, columns
    place: Tensor  # (M, 4): x and y within the cell, raw width and height
    objectness: Tensor  # (M,)
    classes: Tensor  # (M, C)
    boxes: Tensor  # (M, 4): cxcywh, fractions of the network input
    delta: Tensor  # (M, coords + 1 + C)

    @classmethod
    def start(cls, head: Region, raw: Tensor) -> _Work:
        out = head.activate(raw)
        num_images, rows, columns = out.shape[:3]
        out = out.flatten(0, 3)
        place = torch.cat([out[:, :2].sigmoid(), out[:, 2:4]], dim=1)
        size = raw.new_tensor([columns, rows])
        every = torch.arange(len(out), device=raw.device)
        corner = torch.stack([every // head.num % columns, every // (head.num * columns) % rows], dim=1)
        anchors = raw.new_tensor(head.anchors[: 2 * head.num]).view(-1, 2).repeat(len(out) // head.num, 1)
        boxes = torch.cat([corner + place[:, :2], place[:, 2:].exp() * anchors], dim=1) / size.repeat(2)
        objectness, classes = out[:, head.coords], out[:, head.coords + 1 :]
        return cls(head, (num_images, rows, columns), place, objectness, classes, boxes, torch.zeros_like(out))

    @property
    def slope(self) -> Tensor:
        """(M,): of the sigmoid that made the objectness."""
        return self.objectness * (1 - self.objectness)

    def push_down(self, truths: Truths, regions: Truths) -> None:
        """Every prediction's objectness towards 0, but of those that see a box well (`thresh`)."""
        head, entry = self.head, self.head.coords
        per_image = self.boxes.view(self.shape[0], -1, 4)
        overlap, which = (found.flatten() for found in best_overlaps(per_image, truths))
        target = overlap if head.classfix == -1 else torch.zeros_like(overlap)
        self.delta[:, entry] = head.noobject_scale * (target - self.objectness) * self.slope
        well = overlap > head.thresh
        if head.classfix != -1:
            self.delta[well, entry] = 0
        if (alone := left_alone(per_image, regions)) is not None:
            self.delta[alone.flatten(), entry] = 0
        if head.classfix > 0:
            (cells,) = well.nonzero(as_tuple=True)
            scale = self.objectness[cells] if head.classfix == 2 else torch.ones_like(overlap[cells])
            self._write_classes(cells, truths.class_id[which[cells]], head.class_scale * scale)

    def warm_up(self) -> None:
        """Draw every box to the middle of its cell and to its anchor's size."""
        every = torch.arange(len(self.place), device=self.place.device)
        truth = torch.cat([self._corner(every) + 0.5, self._anchor(every)], dim=1) / self._size.repeat(2)
        self.delta[:, :4] = WARM_UP_SCALE * self._box_delta(every, truth)

    def pull_up(self, truths: Truths) -> None:
        """The cells that answer for the true boxes; of two that share one the later one overwrites the earlier."""
        head, entry = self.head, self.head.coords
        cells = self._answering(truths)
        overlap = elementwise_iou(cxcywh_to_xyxy(self.boxes[cells]), cxcywh_to_xyxy(truths.cxcywh), "iou")
        target = overlap if head.rescore else torch.ones_like(overlap)
        boxes = head.coord_scale * self._box_delta(cells, truths.cxcywh)
        for chosen in rounds(cells):
            at = cells[chosen]
            self.delta[at, :4] = boxes[chosen]
            self.delta[at, entry] = head.object_scale * (target[chosen] - self.objectness[at]) * self.slope[at]
            self._write_classes(at, truths.class_id[chosen], overlap.new_full((len(at),), head.class_scale))

    def _answering(self, truths: Truths) -> Tensor:
        """(N,): the cell of each true box, with the anchor (`bias_match`) or prediction that is nearest in shape."""
        head, (_, rows, columns) = self.head, self.shape
        column, row = (truths.cxcywh[:, :2] * self._size).long().clamp(min=0).minimum(self._size.long() - 1).unbind(1)
        first = ((truths.image * rows + row) * columns + column) * head.num
        cells = first[:, None] + torch.arange(head.num, device=first.device)
        wh = self.boxes[cells][..., 2:]
        if head.bias_match:
            wh = (wh.new_tensor(head.anchors[: 2 * head.num]).view(-1, 2) / self._size).expand_as(wh)
        true_wh = truths.cxcywh[:, None, 2:]
        common = torch.minimum(wh, true_wh).prod(-1)
        return first + (common / (wh.prod(-1) + true_wh.prod(-1) - common)).nan_to_num(nan=0.0).argmax(1)

    def _box_delta(self, cells: Tensor, truth_cxcywh: Tensor) -> Tensor:
        """(K, 4): of x, y, width and height of cells for their true boxes, before any scale."""
        xy, raw_wh = self.place[cells].split(2, dim=1)  # type: ignore[no-untyped-call]
        by_centre = (truth_cxcywh[:, :2] * self._size - self._corner(cells) - xy) * xy * (1 - xy)
        by_size = (truth_cxcywh[:, 2:] * self._size / self._anchor(cells)).log() - raw_wh
        return torch.cat([by_centre, by_size], dim=1)

    @property
    def _size(self) -> Tensor:
        """(2,): columns, rows."""
        return self.place.new_tensor([self.shape[2], self.shape[1]])

    def _corner(self, cells: Tensor) -> Tensor:
        """(K, 2): column and row."""
        place = cells // self.head.num
        return torch.stack([place % self.shape[2], place // self.shape[2] % self.shape[1]], dim=1)

    def _anchor(self, cells: Tensor) -> Tensor:
        """(K, 2): width and height, in cells of the grid."""
        return self.place.new_tensor(self.head.anchors[: 2 * self.head.num]).view(-1, 2)[cells % self.head.num]

    def _write_classes(self, cells: Tensor, class_id: Tensor, scale: Tensor) -> None:
        """Classes towards a true box's; with a tree those of its class, its ancestors and the siblings of them all."""
        head, probability = self.head, self.classes[cells]
        if head.tree is None:
            truth = F.one_hot(class_id, head.classes).to(probability.dtype)
            delta = (truth - probability) * scale[:, None]
            if head.focal_loss:
                certainty = (probability * truth).sum(1, keepdim=True)
                factor = -(1 - certainty) * (2 * certainty * torch.log(certainty + 1e-15) + certainty - 1)
                delta = delta * FOCAL_ALPHA * factor
        else:
            true, taught = read_tree(head.tree).ancestor_masks(class_id)
            before = self.delta[cells, head.coords + 1 :]
            delta = torch.where(taught, (true.to(probability.dtype) - probability) * scale[:, None], before)
        self.delta[cells, head.coords + 1 :] = delta
