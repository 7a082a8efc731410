from __future__ import annotations

import pytest
import torch

from yolo.losses.ignore_regions import is_ignored, split_ignore_regions


def test_targets_split_into_ground_truth_and_ignore_regions() -> None:
    targets = torch.tensor([[0, 2, 0.1, 0.1, 0.1, 0.1], [0, -1, 0.5, 0.5, 0.5, 0.5], [1, 0, 0.2, 0.2, 0.1, 0.1]])
    gt, regions = split_ignore_regions(targets)
    assert torch.equal(gt, targets[[0, 2]])
    assert torch.equal(regions, targets[[1]])


def test_predictions_mostly_inside_a_region_are_ignored() -> None:
    # the second image, 100 x 200 (height x width), ignores x 0..100 and y 0..100, and a 20 x 20 corner
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
    ignored = is_ignored(torch.stack([boxes, boxes]), regions, (100, 200))
    assert not ignored[0].any()
    assert ignored[1].tolist() == [True, False, True, False, True, False, False, False]


@pytest.mark.parametrize("max_pairs", [1, 7, 2**22])
def test_chunk_size_does_not_change_the_result(monkeypatch: pytest.MonkeyPatch, max_pairs: int) -> None:
    generator = torch.Generator().manual_seed(0)
    regions = torch.cat([torch.full((50, 2), -1.0), torch.rand(50, 4, generator=generator) * 0.3], dim=1)
    regions[:, 0] = torch.arange(50) % 2
    corner = torch.rand(2, 40, 2, generator=generator) * 30
    boxes = torch.cat([corner, corner + torch.rand(2, 40, 2, generator=generator) * 20], dim=-1)
    expected = is_ignored(boxes, regions, (64, 64))
    assert 0 < expected.sum() < expected.numel()
    monkeypatch.setattr("yolo.losses.ignore_regions.MAX_PAIRS_PER_CHUNK", max_pairs)
    assert torch.equal(is_ignored(boxes, regions, (64, 64)), expected)
