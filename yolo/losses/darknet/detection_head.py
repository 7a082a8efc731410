"""Darknet's loss of a [detection] head (YOLOv1).

Axes: B images, S = side * side cells, A boxes a cell, C classes, N true boxes, K cells that hold one.

Source: AlexeyAB/darknet src/detection_layer.c, and src/data.c for the one true box of a cell (59596d78).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou
from yolo.losses.darknet.anchor_targets import Part
from yolo.losses.darknet.ground_truth import Truths, left_alone, occurrences

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.layers import Detection

RANDOM_IMAGES = 64000  # until then `random` lets any box of a cell answer
SMALL = 0.1  # area of a box, a share of the image, below which `forced` takes a cell's second box


def detection_parts(head: Detection, raw: Tensor, truths: Truths, regions: Truths, seen: int) -> dict[str, Part]:
    """The terms of one head.

    Args:
        head: its record.
        raw: (B, S * (C + A * 5), 1, 1).
        truths: true boxes of the batch; of those in one cell the first counts.
        regions: ignore regions of the batch.
        seen: images trained on, these included.
    """
    num_images, cells, num = len(raw), head.side**2, head.num
    entries = torch.split(raw.flatten(1), [cells * head.classes, cells * num, cells * num * 4], dim=1)
    with torch.no_grad():
        classes, confidence, boxes = (part.flatten(0, 2) for part in head.split(head.activate(raw)))
        confidence = confidence[..., 0]
        delta_classes, delta_boxes = torch.zeros_like(classes), torch.zeros_like(boxes)
        delta_confidence = -head.noobject_scale * confidence
        if len(regions.image):
            alone = left_alone(_placed(head, boxes).view(num_images, -1, 4), regions)
            assert alone is not None
            delta_confidence[alone.view(-1, num)] = 0
        cell, truth = _first_in_cells(head, truths)
        label = F.one_hot(truth.class_id, head.classes).to(classes.dtype)
        delta_classes[cell] = head.class_scale * (label - classes[cell])
        inside = _within_cell(head, truth)
        best, overlap = _answering(head, boxes[cell], inside, seen)
        target = overlap if head.rescore else torch.ones_like(overlap)
        delta_confidence[cell, best] = head.object_scale * (target - confidence[cell, best])
        goal = torch.cat([inside[:, :2], inside[:, 2:].sqrt() if head.sqrt else inside[:, 2:]], dim=1)
        delta_boxes[cell, best] = head.coord_scale * (goal - boxes[cell, best])
        deltas = [part.view(num_images, -1) for part in (delta_classes, delta_confidence, delta_boxes)]
        costs = [delta.square().sum() for delta in deltas]
    class_, objectness, box = (Part(*part) for part in zip(entries, deltas, costs, strict=True))
    return {"box": box, "objectness": objectness, "class": class_}


def _first_in_cells(head: Detection, truths: Truths) -> tuple[Tensor, Truths]:
    """The cells (K,) of the batch that hold a true box's centre, and the first box of each."""
    column, row = (truths.cxcywh[:, :2] * head.side).long().clamp(0, head.side - 1).unbind(1)
    cell = (truths.image * head.side + row) * head.side + column
    first = occurrences(cell) == 0
    return cell[first], truths.pick(first)


def _within_cell(head: Detection, truth: Truths) -> Tensor:
    """(K, 4): x and y from the cell's corner, in cells, width and height as they are."""
    xy = truth.cxcywh[:, :2] * head.side
    return torch.cat([xy - xy.long().clamp(0, head.side - 1), truth.cxcywh[:, 2:]], dim=1)


def _answering(head: Detection, boxes: Tensor, inside: Tensor, seen: int) -> tuple[Tensor, Tensor]:
    """Which of a cell's boxes (K, A, 4) answers for its true box (K, 4), and their IoU; (K,) each."""
    wh = boxes[..., 2:].square() if head.sqrt else boxes[..., 2:]
    pred = torch.cat([boxes[..., :2] / head.side, wh], dim=-1)
    truth = torch.cat([inside[:, :2] / head.side, inside[:, 2:]], dim=1)[:, None].expand_as(pred)
    pred_xyxy, truth_xyxy = cxcywh_to_xyxy(pred.flatten(0, 1)), cxcywh_to_xyxy(truth.flatten(0, 1))
    overlap = elementwise_iou(pred_xyxy, truth_xyxy, "iou").view(-1, head.num)
    nearest = (pred - truth).square().sum(-1).argmin(1)
    best = torch.where((overlap > 0).any(1), overlap.argmax(1), nearest)
    if head.forced:
        best = (inside[:, 2:].prod(1) < SMALL).long().clamp(max=head.num - 1)
    if head.random and seen < RANDOM_IMAGES:
        generator = torch.Generator().manual_seed(seen)
        best = torch.randint(head.num, best.shape, generator=generator).to(best.device)
    return best, overlap.gather(1, best[:, None])[:, 0]


def _placed(head: Detection, boxes: Tensor) -> Tensor:
    """Boxes (B * S, A, 4) as cxcywh, fractions of the network input."""
    every = torch.arange(len(boxes), device=boxes.device)
    corner = torch.stack([every % head.side, every // head.side % head.side], dim=1)[:, None]
    wh = boxes[..., 2:].square() if head.sqrt else boxes[..., 2:]
    return torch.cat([(boxes[..., :2] + corner) / head.side, wh], dim=-1)
