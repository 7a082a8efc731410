from __future__ import annotations

import torch
from torch import Tensor

from yolo.losses.assigners.anchor_iou import AnchorAssignment, assign_by_anchor_iou
from yolo.losses.prediction_grid import PredictionGrid

ANCHORS = torch.tensor([[10.0, 10.0], [20.0, 20.0], [40.0, 10.0]])
GRID = PredictionGrid(rows=2, columns=4, num_anchors=3)
SIZE = (32, 64)


def assign(targets: list[list[float]], threshold: float = 0.3) -> AnchorAssignment:
    return assign_by_anchor_iou(torch.tensor(targets).view(-1, 6), ANCHORS, GRID, SIZE, threshold)


def location(index: Tensor) -> list[list[int]]:
    """Image, row, column and anchor of predictions."""
    parts = (GRID.image(index), GRID.row(index), GRID.column(index), GRID.anchor(index))
    return torch.stack(parts, dim=1).tolist()


def test_anchors_above_the_threshold_are_assigned_in_the_center_cell() -> None:
    # a 20 x 20 box in the second image, center (40, 24), and one that fits no anchor
    assigned = assign([[0, 0, 0.5, 0.5, 1, 1], [1, 7, 40 / 64, 24 / 32, 20 / 64, 20 / 32]])
    # IoU of shapes: 100/400, 1, 200/600: anchor 0 is below the threshold
    assert location(assigned.prediction) == [[1, 1, 2, 1], [1, 1, 2, 2]]
    assert assigned.gt_index.tolist() == [1, 1]


def test_center_on_the_far_edge_is_assigned_to_the_last_cell() -> None:
    assigned = assign([[0, 0, 1.0, 1.0, 20 / 64, 20 / 32]], threshold=0.9)
    assert location(assigned.prediction) == [[0, 1, 3, 1]]


def test_no_boxes_give_no_assignment() -> None:
    assigned = assign([])
    assert assigned.prediction.tolist() == assigned.gt_index.tolist() == []
