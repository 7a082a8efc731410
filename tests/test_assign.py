from __future__ import annotations

import torch

from yolo.assign import match_by_shape

ANCHORS = torch.tensor([[10.0, 10.0], [20.0, 20.0], [40.0, 10.0]])


def test_matches_by_hand() -> None:
    # one 20 x 20 box of class 7 in the second picture of a 64 x 64 input, centre (40, 8)
    targets = torch.tensor([[1, 7, 40 / 64, 8 / 64, 20 / 64, 20 / 64]])
    matches = match_by_shape(targets, ANCHORS, grid=(4, 4), image_size=(64, 64), threshold=0.3)
    # IoU of shapes: 100/400, 1, 200/600: anchor 0 is below the threshold
    assert matches.anchor.tolist() == [1, 2]
    assert matches.image.tolist() == [1, 1]
    assert matches.class_id.tolist() == [7, 7]
    assert (matches.row.tolist(), matches.column.tolist()) == ([0, 0], [2, 2])
    torch.testing.assert_close(matches.truth_cxcywh[0], torch.tensor([40.0, 8, 20, 20]))


def test_centres_on_the_far_edge_stay_in_the_grid() -> None:
    targets = torch.tensor([[0, 0, 1.0, 1.0, 0.5, 0.5]])
    matches = match_by_shape(targets, ANCHORS, grid=(2, 3), image_size=(40, 40), threshold=0.1)
    assert set(matches.row.tolist()) == {1}
    assert set(matches.column.tolist()) == {2}


def test_no_boxes() -> None:
    matches = match_by_shape(torch.zeros(0, 6), ANCHORS, grid=(4, 4), image_size=(64, 64), threshold=0.2)
    assert len(matches.image) == 0
