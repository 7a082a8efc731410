"""Darknet's loss of a [detection] head (YOLOv1).

Axes: B images, S = side * side cells, A boxes a cell, C classes, N ground truth boxes, K cells that hold one.

Source: AlexeyAB/darknet src/detection_layer.c, and src/data.c for the single ground truth box of a cell (59596d78).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from yolo.boxes.box_ops import cxcywh_to_xyxy, elementwise_iou
from yolo.losses.darknet.deltas import LossTerm
from yolo.losses.darknet.ground_truth import GroundTruth, count_earlier_equals, ignored_predictions
from yolo.losses.prediction_grid import PredictionGrid

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.layers import Detection

RANDOM_IMAGES = 64000  # before that `random` assigns any box of a cell
MAX_SMALL_AREA = 0.1  # share of the image; `forced` assigns a cell's second box to smaller ones


def detection_terms(
    head: Detection, raw: Tensor, gt: GroundTruth, ignore_regions: GroundTruth, images_seen: int
) -> dict[str, LossTerm]:
    """Return the loss terms of one head.

    Args:
        head: its record.
        raw: (B, S * (C + A * 5), 1, 1).
        gt: ground truth of the batch; the first box in each cell counts.
        ignore_regions: of the batch.
        images_seen: images trained on, including this batch.
    """
    num_images, cells, num = len(raw), head.side**2, head.num
    entries = torch.split(raw.flatten(1), [cells * head.classes, cells * num, cells * num * 4], dim=1)
    with torch.no_grad():
        classes, confidence, boxes = (part.flatten(0, 2) for part in head.split(head.activate(raw)))
        confidence = confidence[..., 0]
        delta_classes, delta_boxes = torch.zeros_like(classes), torch.zeros_like(boxes)
        delta_confidence = -head.noobject_scale * confidence
        ignored = ignored_predictions(_decode_boxes(head, boxes).view(num_images, -1, 4), ignore_regions)
        if ignored is not None:
            delta_confidence[ignored.view(-1, num)] = 0
        cell, gt = _first_in_cells(head, gt)
        one_hot = F.one_hot(gt.class_id, head.classes).to(classes.dtype)
        delta_classes[cell] = head.class_scale * (one_hot - classes[cell])
        gt_in_cell = _relative_to_cell(head, cell, gt)
        best, iou = _assign_box(head, boxes[cell], gt_in_cell, images_seen)
        target = iou if head.rescore else torch.ones_like(iou)
        delta_confidence[cell, best] = head.object_scale * (target - confidence[cell, best])
        goal = torch.cat([gt_in_cell[:, :2], gt_in_cell[:, 2:].sqrt() if head.sqrt else gt_in_cell[:, 2:]], dim=1)
        delta_boxes[cell, best] = head.coord_scale * (goal - boxes[cell, best])
        deltas = [part.view(num_images, -1) for part in (delta_classes, delta_confidence, delta_boxes)]
        costs = [delta.square().sum() for delta in deltas]
    class_, objectness, box = (LossTerm(*term) for term in zip(entries, deltas, costs, strict=True))
    return {"box": box, "objectness": objectness, "class": class_}


def _grid(head: Detection) -> PredictionGrid:
    """Return the grid of the cells; classes belong to a cell, not to one of its boxes, so that it has one anchor."""
    return PredictionGrid(head.side, head.side, num_anchors=1)


def _first_in_cells(head: Detection, gt: GroundTruth) -> tuple[Tensor, GroundTruth]:
    """Return the cells (K,) of the batch that hold a box's center, and the first box of each."""
    grid = _grid(head)
    row, column = grid.cell_at(gt.cxcywh[:, :2] * head.side)
    cell = grid.index(gt.image, torch.zeros_like(row), row, column)
    first = count_earlier_equals(cell) == 0
    return cell[first], gt.select(first)


def _relative_to_cell(head: Detection, cell: Tensor, gt: GroundTruth) -> Tensor:
    """Return (K, 4): x and y from the cell's corner, in cells; width and height unchanged."""
    return torch.cat([gt.cxcywh[:, :2] * head.side - _grid(head).corner(cell), gt.cxcywh[:, 2:]], dim=1)


def _assign_box(head: Detection, boxes: Tensor, gt_in_cell: Tensor, images_seen: int) -> tuple[Tensor, Tensor]:
    """Choose one of each cell's boxes (K, A, 4) for its ground truth (K, 4); return its number and IoU, (K,) each."""
    wh = boxes[..., 2:].square() if head.sqrt else boxes[..., 2:]
    pred = torch.cat([boxes[..., :2] / head.side, wh], dim=-1)
    gt = torch.cat([gt_in_cell[:, :2] / head.side, gt_in_cell[:, 2:]], dim=1)[:, None].expand_as(pred)
    pred_xyxy, gt_xyxy = cxcywh_to_xyxy(pred.flatten(0, 1)), cxcywh_to_xyxy(gt.flatten(0, 1))
    iou = elementwise_iou(pred_xyxy, gt_xyxy, "iou").view(-1, head.num)
    nearest = (pred - gt).square().sum(-1).argmin(1)
    best = torch.where((iou > 0).any(1), iou.argmax(1), nearest)
    if head.forced:
        best = (gt_in_cell[:, 2:].prod(1) < MAX_SMALL_AREA).long().clamp(max=head.num - 1)
    if head.random and images_seen < RANDOM_IMAGES:
        generator = torch.Generator().manual_seed(images_seen)
        best = torch.randint(head.num, best.shape, generator=generator).to(best.device)
    return best, iou.gather(1, best[:, None])[:, 0]


def _decode_boxes(head: Detection, boxes: Tensor) -> Tensor:
    """Return boxes (B * S, A, 4) as cxcywh, fractions of the network input."""
    corner = _grid(head).corner(torch.arange(len(boxes), device=boxes.device))[:, None]
    wh = boxes[..., 2:].square() if head.sqrt else boxes[..., 2:]
    return torch.cat([(boxes[..., :2] + corner) / head.side, wh], dim=-1)
