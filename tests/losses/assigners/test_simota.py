"""The assignment held against cases that can be counted on one hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from yolo.layers import Yolo
from yolo.losses.assigners.simota import match_by_cost, reach
from yolo.losses.predictions import HeadPredictions

SIZE = (64, 64)
HEAD = Yolo(classes=2, num=1, anchors=(32.0, 32.0))
GRID = 4  # cells of 16 pixels


def predictions(raw: Tensor, head: Yolo = HEAD) -> HeadPredictions:
    return HeadPredictions.of(head, raw, SIZE)


def truth(image: int, class_id: int, *cxcywh: float) -> list[float]:
    """A row of targets, from pixels."""
    return [image, class_id, *(value / 64 for value in cxcywh)]


def cells(raw: Tensor, truths: list[list[float]], head: Yolo = HEAD, threshold: float = 0.2) -> list[int]:
    (answers,) = match_by_cost([predictions(raw, head)], torch.tensor(truths), SIZE, threshold)
    return answers.prediction.tolist()


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
def test_reach(offset: tuple[float, float], wh: tuple[float, float], scale: float, expected: float) -> None:
    assert reach(torch.tensor(offset), torch.tensor(wh), scale).item() == pytest.approx(expected, rel=1e-6)


def test_a_small_box_is_answered_for_in_its_own_cell() -> None:
    # cell 5 (row 1, column 1); the anchor's IoU of shape is 16 / 1024, yet no other is nearer
    assert cells(torch.zeros(1, 7, GRID, GRID), [truth(0, 0, 24, 24, 4, 4)]) == [5]


def test_answers_are_as_many_as_the_overlaps_add_up_to() -> None:
    raw = torch.zeros(1, 7, GRID, GRID)
    # centre on the corner of four cells: each is in reach; each predicts 32 x 32 eight pixels off, IoU 576 / 1472
    assert cells(raw, [truth(0, 0, 32, 32, 32, 32)]) == [5, 6, 10]  # 2 * 4 * .39 -> 3: the centre's, two of equals
    raw[:, 2:4] = -1.0  # 0.37 times as large: inside the box, IoU .14
    assert cells(raw, [truth(0, 0, 32, 32, 32, 32)]) == [10]  # 2 * 4 * .14 -> 1


def test_the_nearest_anchor_answers_and_of_the_others_the_cheaper() -> None:
    head = Yolo(classes=2, num=3, anchors=(30.0, 34.0, 24.0, 24.0, 34.0, 30.0))
    raw = torch.zeros(1, 21, GRID, GRID)
    box = [truth(0, 1, 24, 24, 16, 16)]  # 2 * (.25 + .44 + .25) -> 2 answers; no cell beside its own is near
    raw[0, 6, 1, 1] = 1.0  # anchor 0 says class 1
    assert cells(raw, box, head) == [15, 16]
    raw[0, 20, 1, 1] = 2.0  # anchor 2 says it louder
    assert cells(raw, box, head) == [16, 17]


def test_a_prediction_answers_for_one_box() -> None:
    raw = torch.zeros(1, 7, GRID, GRID)
    boxes = [truth(0, 0, 24, 24, 24, 24), truth(0, 0, 24, 24, 32, 32), truth(0, 0, 24, 24, 12, 12)]
    (answers,) = match_by_cost([predictions(raw)], torch.tensor(boxes), SIZE, 0.05)
    assert answers.prediction.tolist() == [5]
    assert answers.truth.tolist() == [1]  # 32 x 32 in the middle of cell 5 is what it predicts
    assert answers.cost.item() == pytest.approx(2 * math.log(2), abs=1e-5)


def test_images_do_not_mix() -> None:
    raw = torch.zeros(3, 7, GRID, GRID)
    assert cells(raw, [truth(2, 0, 24, 24, 4, 4), truth(1, 0, 8, 8, 4, 4)]) == [16, 2 * 16 + 5]


def test_the_nearest_anchor_of_all_heads_answers_where_none_is_near() -> None:
    heads = [
        predictions(torch.zeros(1, 7, 2, 2), Yolo(classes=2, num=1, anchors=(60.0, 60.0))),
        predictions(torch.zeros(1, 7, GRID, GRID)),
    ]
    coarse, fine = match_by_cost(heads, torch.tensor([truth(0, 0, 24, 24, 4, 4)]), SIZE, 0.2)
    assert coarse.prediction.tolist() == []
    assert fine.prediction.tolist() == [5]


def test_a_box_without_area_or_outside_the_image_gets_one_answer() -> None:
    assert cells(torch.zeros(1, 7, GRID, GRID), [truth(0, 0, 64, 64, 0, 0)]) == [15]
    assert cells(torch.zeros(1, 7, GRID, GRID), [truth(0, 0, -9, 90, 4, 4)]) == [12]


def test_two_thousand_boxes_an_image_a_few_at_a_time() -> None:
    generator = torch.Generator().manual_seed(0)
    head = Yolo(classes=2, num=3, anchors=(8.0, 8.0, 16.0, 16.0, 32.0, 32.0), scale_x_y=1.5)
    truths = torch.rand(4000, 6, generator=generator)
    truths[:, 0] = torch.arange(4000) % 2
    truths[:, 1] = torch.arange(4000) // 2 % 2
    heads = [predictions(torch.randn(2, 21, 16, 16, generator=generator), head)]
    (whole,) = match_by_cost(heads, truths, SIZE, 0.2)
    (pieces,) = match_by_cost(heads, truths, SIZE, 0.2, values_at_once=27 * 7 * 100)  # candidates of a hundred boxes
    assert all(torch.equal(a, b) for a, b in zip(whole, pieces, strict=True))
    assert len(whole.prediction) == len(set(whole.prediction.tolist())) > 700  # of 1,536
    assert torch.equal(truths[whole.truth, 0].long(), whole.prediction // (16 * 16 * 3))  # each in its own image
