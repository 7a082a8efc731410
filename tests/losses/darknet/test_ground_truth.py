from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yolo.boxes.box_ops import cxcywh_to_xyxy, pairwise_iou
from yolo.losses.darknet import ground_truth
from yolo.losses.darknet.ground_truth import (
    GroundTruth,
    best_iou,
    count_earlier_equals,
    ignored_predictions,
    split_conflicting_writes,
    split_targets,
)


def random_boxes(count: int, seed: int) -> torch.Tensor:
    values = torch.rand(count, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.cat([values[:, :2], 0.05 + values[:, 2:] / 2], dim=1)


@given(st.lists(st.integers(0, 4), max_size=30))
def test_writes_of_a_group_go_to_distinct_cells_and_keep_their_order(cells: list[int]) -> None:
    order: dict[int, list[int]] = {}
    for group in split_conflicting_writes(torch.tensor(cells, dtype=torch.int64)):
        written = [cells[i] for i in group.tolist()]
        assert len(set(written)) == len(written)
        for i in group.tolist():
            order.setdefault(cells[i], []).append(i)
    assert order == {cell: [i for i, c in enumerate(cells) if c == cell] for cell in cells}


def test_count_earlier_equals() -> None:
    assert count_earlier_equals(torch.tensor([5, 3, 5, 5, 3])).tolist() == [0, 0, 1, 2, 1]


@pytest.mark.parametrize("max_pairs", [1, 50, 2**23])
def test_best_iou_is_the_maximum_over_all_pairs(max_pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground_truth, "MAX_PAIRS", max_pairs)
    pred = random_boxes(3 * 20, 1).view(3, 20, 4)
    image = torch.tensor([2] * 7 + [0] * 3)  # none in image 1; not sorted
    gt = GroundTruth(image, torch.zeros(10, dtype=torch.int64), random_boxes(10, 2))
    best, best_index = best_iou(pred, gt)
    assert best[1].tolist() == [0.0] * 20
    for number in (0, 2):
        own = (image == number).nonzero()[:, 0]
        every = pairwise_iou(cxcywh_to_xyxy(pred[number]), cxcywh_to_xyxy(gt.cxcywh[own]))
        torch.testing.assert_close(best[number], every.amax(1))
        found = best[number] > 0
        assert torch.equal(best_index[number][found], own[every.argmax(1)][found])


def test_targets_split_into_boxes_and_ignore_regions() -> None:
    rows = [[0, 1, 0.5, 0.5, 0.1, 0.1], [0, -1, 0.5, 0.5, 0.2, 0.2], [1, 2, 0.5, 0.5, 0.1, 0.1],
            [1, 0, 0.5, 0.5, 0.0, 0.1]]  # fmt: skip
    gt, ignore_regions = split_targets(torch.tensor(rows), num_classes=2, dtype=torch.float64)
    assert gt.class_id.tolist() == [1]  # class 2 is beyond the head, the last box has no area
    assert ignore_regions.cxcywh.tolist() == [pytest.approx([0.5, 0.5, 0.2, 0.2])]


def test_predictions_mostly_inside_an_ignore_region_are_ignored() -> None:
    region = GroundTruth(torch.tensor([0]), torch.tensor([-1]), torch.tensor([[0.5, 0.5, 1.0, 0.4]]))
    pred = torch.tensor([[[0.5, 0.5, 0.1, 0.1], [0.5, 0.72, 0.1, 0.1], [0.5, 0.9, 0.1, 0.1], [0.5, 0.5, 0.5, 0.9]]])
    ignored = ignored_predictions(pred, region)
    assert ignored is not None
    assert ignored.tolist() == [[True, False, False, False]]  # inside; 0.3; outside; 0.4 of 0.9
    no_regions = GroundTruth(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4))
    assert ignored_predictions(pred, no_regions) is None


def test_pairs_held_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    original = ground_truth._iou_within_images

    def recording(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        result = original(a, b)  # type: ignore[arg-type,unused-ignore]
        sizes.append(result.numel())
        return result

    monkeypatch.setattr(ground_truth, "_iou_within_images", recording)
    monkeypatch.setattr(ground_truth, "MAX_PAIRS", 1000)
    image = torch.tensor([0] * 2000 + [1] * 3)
    gt = GroundTruth(image, torch.zeros(2003, dtype=torch.int64), random_boxes(2003, 5))
    best_iou(random_boxes(2 * 50, 6).view(2, 50, 4), gt)
    assert max(sizes) <= 1000
    assert sum(sizes) < 2000 * 50 * 1.02 + 3 * 50 * 2 * 10  # the second image is left out of later chunks
