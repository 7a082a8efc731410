"""SimOTA-style assignment on cases small enough to count by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from yolo.layers import Yolo
from yolo.losses.assigners.simota import assign_by_cost, best_reachable_iou
from yolo.losses.head_predictions import HeadPredictions

SIZE = (64, 64)
HEAD = Yolo(classes=2, num=1, anchors=(32.0, 32.0))
GRID = 4  # cells of 16 pixels


def predictions(raw: Tensor, head: Yolo = HEAD) -> HeadPredictions:
    return HeadPredictions.from_output(head, raw, SIZE)


def gt_row(image: int, class_id: int, *cxcywh: float) -> list[float]:
    """Return a row of targets from pixels."""
    return [image, class_id, *(value / 64 for value in cxcywh)]


def assigned_predictions(raw: Tensor, gt: list[list[float]], head: Yolo = HEAD, threshold: float = 0.2) -> list[int]:
    (assignment,) = assign_by_cost([predictions(raw, head)], torch.tensor(gt), SIZE, threshold)
    return assignment.prediction.tolist()


@pytest.mark.parametrize(
    ("offset", "wh", "scale", "expected"),
    [
        ((0.5, 0.5), (2.0, 2.0), 1.0, 1.0),  # in the cell
        ((0.0, 1.0), (2.0, 2.0), 1.0, 1.0),  # on its border
        ((1.5, 0.5), (2.0, 2.0), 1.0, 3 / 5),  # half a cell beyond: 1.5 of 2 columns shared, of 2.5 in all
        ((1.5, 0.5), (2.0, 2.0), 2.0, 1.0),  # the head's offsets go from -0.5 to 1.5
        ((-0.5, 1.5), (2.0, 2.0), 1.0, 2.25 / 5.75),
        ((1.5, 0.5), (0.4, 0.4), 1.0, 0.0),  # small: nothing is shared
        ((1.5, 0.5), (20.0, 0.4), 1.0, 19.5 / 20.5),
    ],
)
def test_best_reachable_iou(
    offset: tuple[float, float], wh: tuple[float, float], scale: float, expected: float
) -> None:
    assert best_reachable_iou(torch.tensor(offset), torch.tensor(wh), scale).item() == pytest.approx(expected, rel=1e-6)


def test_small_box_is_assigned_in_its_own_cell() -> None:
    # cell 5 (row 1, column 1); the anchor's IoU of shape is 16 / 1024, but no other anchor is closer
    assert assigned_predictions(torch.zeros(1, 7, GRID, GRID), [gt_row(0, 0, 24, 24, 4, 4)]) == [5]


def test_dynamic_k_is_twice_the_sum_of_candidate_ious() -> None:
    raw = torch.zeros(1, 7, GRID, GRID)
    # center on the corner of four cells: each can reach it and predicts 32 x 32 eight pixels off, IoU 576 / 1472
    box = [gt_row(0, 0, 32, 32, 32, 32)]
    assert assigned_predictions(raw, box) == [5, 6, 10]  # 2 * 4 * .39 -> 3: the center cell and two equal ones
    raw[:, 2:4] = -1.0  # 0.37 times as large: inside the box, IoU .14
    assert assigned_predictions(raw, box) == [10]  # 2 * 4 * .14 -> 1


def test_best_anchor_is_assigned_and_then_the_cheapest() -> None:
    head = Yolo(classes=2, num=3, anchors=(30.0, 34.0, 24.0, 24.0, 34.0, 30.0))
    raw = torch.zeros(1, 21, GRID, GRID)
    box = [gt_row(0, 1, 24, 24, 16, 16)]  # 2 * (.25 + .44 + .25) -> 2 predictions; no neighboring cell can reach it
    raw[0, 6, 1, 1] = 1.0  # anchor 0 predicts class 1
    assert assigned_predictions(raw, box, head) == [15, 16]
    raw[0, 20, 1, 1] = 2.0  # anchor 2 has a higher logit for it
    assert assigned_predictions(raw, box, head) == [16, 17]


def test_prediction_is_assigned_to_its_cheapest_box() -> None:
    raw = torch.zeros(1, 7, GRID, GRID)
    boxes = [gt_row(0, 0, 24, 24, 24, 24), gt_row(0, 0, 24, 24, 32, 32), gt_row(0, 0, 24, 24, 12, 12)]
    (assignment,) = assign_by_cost([predictions(raw)], torch.tensor(boxes), SIZE, 0.05)
    assert assignment.prediction.tolist() == [5]
    assert assignment.gt_index.tolist() == [1]  # 32 x 32 in the middle of cell 5 is what it predicts
    assert assignment.cost.item() == pytest.approx(2 * math.log(2), abs=1e-5)


def test_boxes_are_assigned_in_their_own_image() -> None:
    raw = torch.zeros(3, 7, GRID, GRID)
    assert assigned_predictions(raw, [gt_row(2, 0, 24, 24, 4, 4), gt_row(1, 0, 8, 8, 4, 4)]) == [16, 2 * 16 + 5]


def test_best_anchor_of_all_heads_is_assigned_when_none_fits() -> None:
    heads = [
        predictions(torch.zeros(1, 7, 2, 2), Yolo(classes=2, num=1, anchors=(60.0, 60.0))),
        predictions(torch.zeros(1, 7, GRID, GRID)),
    ]
    coarse, fine = assign_by_cost(heads, torch.tensor([gt_row(0, 0, 24, 24, 4, 4)]), SIZE, 0.2)
    assert coarse.prediction.tolist() == []
    assert fine.prediction.tolist() == [5]


def test_box_without_area_or_outside_the_image_gets_one_prediction() -> None:
    assert assigned_predictions(torch.zeros(1, 7, GRID, GRID), [gt_row(0, 0, 64, 64, 0, 0)]) == [15]
    assert assigned_predictions(torch.zeros(1, 7, GRID, GRID), [gt_row(0, 0, -9, 90, 4, 4)]) == [12]


def test_chunking_two_thousand_boxes_an_image_does_not_change_the_result() -> None:
    generator = torch.Generator().manual_seed(0)
    head = Yolo(classes=2, num=3, anchors=(8.0, 8.0, 16.0, 16.0, 32.0, 32.0), scale_x_y=1.5)
    gt = torch.rand(4000, 6, generator=generator)
    gt[:, 0] = torch.arange(4000) % 2
    gt[:, 1] = torch.arange(4000) // 2 % 2
    heads = [predictions(torch.randn(2, 21, 16, 16, generator=generator), head)]
    (whole,) = assign_by_cost(heads, gt, SIZE, 0.2)
    (chunked,) = assign_by_cost(
        heads, gt, SIZE, 0.2, max_candidate_values=27 * 7 * 100
    )  # candidates of a hundred boxes
    assert all(torch.equal(a, b) for a, b in zip(whole, chunked, strict=True))
    assert len(whole.prediction) == len(set(whole.prediction.tolist())) > 700  # of 1,536
    assert torch.equal(gt[whole.gt_index, 0].long(), whole.prediction // (16 * 16 * 3))  # each in its own image
