from __future__ import annotations

import pytest
import torch

from yolo.losses.assigners.anchor_shape import lies_in_ignored, match_by_shape, split_ignored

ANCHORS = torch.tensor([[10.0, 10.0], [20.0, 20.0], [40.0, 10.0]])


def test_matches_by_hand() -> None:
    # one 20 x 20 box of class 7 in the second image of a 64 x 64 input, centre (40, 8)
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


def test_truth_and_regions_to_ignore() -> None:
    targets = torch.tensor([[0, 2, 0.1, 0.1, 0.1, 0.1], [0, -1, 0.5, 0.5, 0.5, 0.5], [1, 0, 0.2, 0.2, 0.1, 0.1]])
    truths, regions = split_ignored(targets)
    assert torch.equal(truths, targets[[0, 2]])
    assert torch.equal(regions, targets[[1]])


def test_predictions_in_ignored_regions_by_hand() -> None:
    # of a 100 x 200 input (height x width), the second image ignores x 0..100 and y 0..100, and a 20 x 20 corner
    regions = torch.tensor([[1, -1, 0.25, 0.5, 0.5, 1.0], [1, -1, 0.95, 0.9, 0.1, 0.2]])
    boxes = torch.tensor(
        [
            [10.0, 10, 60, 60],  # inside
            [51, 0, 149, 50],  # exactly half: not mostly
            [50, 0, 149, 50],  # just more than half
            [0, 0, 200, 100],  # around the region, and half of it
            [185, 85, 200, 100],  # inside the second region
            [120, 10, 150, 40],  # outside
            [5, 5, 5, 5],  # no area
            [-torch.inf, 0, torch.inf, 100],
        ]
    )
    inside = lies_in_ignored(torch.stack([boxes, boxes]), regions, (100, 200))
    assert not inside[0].any()
    assert inside[1].tolist() == [True, False, True, False, True, False, False, False]


@pytest.mark.parametrize("table", [1, 7, 2**22])
def test_many_regions_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch, table: int) -> None:
    generator = torch.Generator().manual_seed(0)
    regions = torch.cat([torch.full((50, 2), -1.0), torch.rand(50, 4, generator=generator) * 0.3], dim=1)
    regions[:, 0] = torch.arange(50) % 2
    corner = torch.rand(2, 40, 2, generator=generator) * 30
    boxes = torch.cat([corner, corner + torch.rand(2, 40, 2, generator=generator) * 20], dim=-1)
    expected = lies_in_ignored(boxes, regions, (64, 64))
    assert 0 < expected.sum() < expected.numel()
    monkeypatch.setattr("yolo.losses.assigners.anchor_shape.MAX_OVERLAP_TABLE", table)
    assert torch.equal(lies_in_ignored(boxes, regions, (64, 64)), expected)
