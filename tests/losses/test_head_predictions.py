from __future__ import annotations

import pytest
import torch

from yolo.boxes.box_ops import cxcywh_to_xyxy
from yolo.layers import Yolo
from yolo.losses.head_predictions import HeadPredictions

SIZE = (48, 64)
ANCHORS = (10.0, 12.0, 30.0, 20.0)


@pytest.mark.parametrize(("new_coords", "scale_x_y"), [(False, 1.0), (False, 1.2), (True, 2.0)])
def test_boxes_are_those_that_the_head_decodes(new_coords: bool, scale_x_y: float) -> None:
    head = Yolo(classes=2, num=2, anchors=ANCHORS, new_coords=new_coords, scale_x_y=scale_x_y)
    output = torch.rand(2, 14, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    predictions = HeadPredictions.from_output(head, output, SIZE)
    index = torch.arange(2 * 3 * 4 * 2)
    found = cxcywh_to_xyxy(predictions.boxes_cxcywh(index, predictions.select(index)))
    expected, _ = head.decode(output, SIZE)
    torch.testing.assert_close(found.view(2, -1, 4), expected)


def test_selected_values_are_those_at_the_location() -> None:
    output = torch.arange(2 * 14 * 3 * 4.0).view(2, 14, 3, 4)
    predictions = HeadPredictions.from_output(Yolo(classes=2, num=2, anchors=ANCHORS), output, SIZE)
    index = predictions.grid.index(*(torch.tensor([i]) for i in (1, 1, 2, 3)))  # image, anchor, row, column
    assert [part.item() for part in predictions.location(index)] == [1, 2, 3, 1]  # image, row, column, anchor
    assert torch.equal(predictions.select(index)[0], output[1, 7:, 2, 3])


def test_predictions_outside_ignore_regions() -> None:
    predictions = HeadPredictions.from_output(Yolo(classes=2, num=2, anchors=ANCHORS), torch.zeros(2, 14, 3, 4), SIZE)
    assert predictions.outside(torch.zeros(0, 6)).tolist() == torch.ones(2, 3, 4, 2, dtype=torch.bool).tolist()
    left_half = torch.tensor([[1, -1, 0.25, 0.5, 0.5, 1.0]])  # x 0..32; small anchors are in columns 0 and 1
    outside = predictions.outside(left_half)
    assert outside.shape == (2, 3, 4, 2)
    assert outside[0].all()
    assert outside[1, :, :, 0].tolist() == [[False, False, True, True]] * 3
