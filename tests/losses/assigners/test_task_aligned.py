"""Task-aligned assignment on cases small enough to count by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from yolo.layers import Yolo
from yolo.losses.assigners.task_aligned import assign_task_aligned, best_reachable_iou
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
    (assignment,) = assign_task_aligned([predictions(raw, head)], torch.tensor(gt), SIZE, threshold)
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


def test_targets_fall_with_alignment_from_the_best_iou() -> None:
    raw = torch.zeros(1, 7, GRID, GRID)
    # centered in cell 5: the 32 x 32 prediction there is exact; the cells around it are 16 px off in one or two axes,
    # but a head without reach (scale_x_y 1) cannot move them nearer than 8 px: an IoU of 24 / 40 = .6, too little
    (assignment,) = assign_task_aligned([predictions(raw)], torch.tensor([gt_row(0, 0, 24, 24, 32, 32)]), SIZE, 0.2)
    assert assignment.prediction.tolist() == [5]
    assert assignment.target.tolist() == pytest.approx([1.0], abs=1e-6)
    # on the corner of four cells: all of them reach it, each 8 px off: IoU 24 * 24 / (2 * 1024 - 576)
    iou = 576 / 1472
    box = torch.tensor([gt_row(0, 0, 32, 32, 32, 32)])
    (assignment,) = assign_task_aligned([predictions(raw)], box, SIZE, 0.2)
    assert assignment.prediction.tolist() == [5, 6, 9, 10]
    assert assignment.target.tolist() == pytest.approx([iou] * 4, rel=1e-5)
    raw[0, 4, 1, 1] = 10.0  # the score of cell 5 doubles, from 1/4: the targets of the others fall by its root
    (assignment,) = assign_task_aligned([predictions(raw)], box, SIZE, 0.2)
    assert assignment.target.tolist() == pytest.approx([iou, *[iou / 2**0.5] * 3], rel=1e-3)


def test_at_most_ten_predictions_are_assigned() -> None:
    head = Yolo(classes=2, num=3, anchors=(30.0, 34.0, 32.0, 32.0, 34.0, 30.0))
    raw = torch.zeros(1, 21, GRID, GRID)
    assert len(assigned_predictions(raw, [gt_row(0, 0, 32, 32, 32, 32)], head)) == 10  # of 4 cells x 3 anchors


def test_prediction_is_assigned_to_the_box_that_it_fits_best() -> None:
    raw = torch.zeros(1, 7, GRID, GRID)
    boxes = [gt_row(0, 0, 24, 24, 24, 24), gt_row(0, 0, 24, 24, 32, 32), gt_row(0, 0, 24, 24, 12, 12)]
    (assignment,) = assign_task_aligned([predictions(raw)], torch.tensor(boxes), SIZE, 0.05)
    assert assignment.prediction.tolist() == [5]
    assert assignment.gt_index.tolist() == [1]  # 32 x 32 in the middle of cell 5 is what it predicts


def test_scores_of_the_right_class_count() -> None:
    head = Yolo(classes=2, num=2, anchors=(32.0, 32.0, 32.0, 32.0))
    raw = torch.zeros(1, 14, GRID, GRID)
    raw[0, 7 + 5, 1, 1] = 3.0  # anchor 1 of cell 5 expects class 0
    for class_id, targets in ((0, [0.5**0.5 / 0.9526**0.5, 1.0]), (1, [1.0, 0.0474**0.5 / 0.5**0.5])):
        (assignment,) = assign_task_aligned(
            [predictions(raw, head)], torch.tensor([gt_row(0, class_id, 24, 24, 32, 32)]), SIZE, 0.2
        )
        if class_id == 0:
            assert assignment.target.tolist() == pytest.approx(targets, abs=1e-3)
        else:
            assert assignment.target.argmax().item() == 0


def test_box_that_no_prediction_overlaps_has_a_small_target() -> None:
    raw = torch.zeros(1, 7, GRID, GRID)
    raw[:, 2:4] = -4.0  # predictions of half a pixel in the middle of their cells
    box = torch.tensor([gt_row(0, 0, 18, 18, 2, 2)])  # at the border of its cell
    (assignment,) = assign_task_aligned([predictions(raw)], box, SIZE, 0.2)
    assert assignment.prediction.tolist() == [5]
    assert assignment.target.tolist() == pytest.approx([0.1])


def test_boxes_are_assigned_in_their_own_image() -> None:
    raw = torch.zeros(3, 7, GRID, GRID)
    assert assigned_predictions(raw, [gt_row(2, 0, 24, 24, 4, 4), gt_row(1, 0, 8, 8, 4, 4)]) == [16, 2 * 16 + 5]


def test_best_anchor_of_all_heads_is_assigned_when_none_fits() -> None:
    heads = [
        predictions(torch.zeros(1, 7, 2, 2), Yolo(classes=2, num=1, anchors=(60.0, 60.0))),
        predictions(torch.zeros(1, 7, GRID, GRID)),
    ]
    coarse, fine = assign_task_aligned(heads, torch.tensor([gt_row(0, 0, 24, 24, 4, 4)]), SIZE, 0.2)
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
    (whole,) = assign_task_aligned(heads, gt, SIZE, 0.2)
    (chunked,) = assign_task_aligned(
        heads, gt, SIZE, 0.2, max_candidate_values=27 * 7 * 100
    )  # candidates of a hundred boxes
    assert torch.equal(whole.prediction, chunked.prediction)
    assert torch.equal(whole.gt_index, chunked.gt_index)
    torch.testing.assert_close(whole.target, chunked.target)
    assert len(whole.prediction) == len(set(whole.prediction.tolist())) > 700  # of 1,536
    assert torch.equal(gt[whole.gt_index, 0].long(), whole.prediction // (16 * 16 * 3))  # each in its own image
