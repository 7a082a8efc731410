from __future__ import annotations

import math

import pytest
import torch

from yolo.losses.darknet.deltas import clip_delta, focal_factor, split_terms


def test_terms_share_the_order_of_the_entries() -> None:
    entries = torch.arange(14.0).view(2, 7)  # two predictions: 4 coordinates, objectness, 2 classes
    terms = split_terms(entries.view(1, 2, 7), -entries, num_coords=4)
    assert {name: term.raw.tolist() for name, term in terms.items()} == {
        "box": [[[0, 1, 2, 3], [7, 8, 9, 10]]],
        "objectness": [[4, 11]],
        "class": [[[5, 6], [12, 13]]],
    }
    for term in terms.values():
        assert torch.equal(term.delta, -term.raw)
        assert term.cost.item() == term.raw.square().sum().item()


def test_focal_factor() -> None:
    factor = -0.5 * (1 - 0.3) * (2 * 0.3 * math.log(0.3) + 0.3 - 1)
    assert focal_factor(torch.tensor(0.3)).item() == pytest.approx(factor)
    assert focal_factor(torch.tensor(1.0)).item() == 0


def test_clip_delta_drops_what_is_not_finite() -> None:
    delta = torch.tensor([math.nan, math.inf, -math.inf, 3.0, -3.0])
    assert clip_delta(delta, None).tolist() == [0, 0, 0, 3, -3]
    assert clip_delta(delta, 2.0).tolist() == [0, 0, 0, 2, -2]
