from __future__ import annotations

import math

import pytest
import torch

from yolo.losses.yolo_loss import focal_cross_entropy, global_mean


@pytest.mark.parametrize(("weight", "gamma"), [(1.0, 0.0), (3.0, 0.0), (1.0, 1.5), (3.0, 2.0)])
def test_cross_entropy_with_positive_weight_and_focal_factor(weight: float, gamma: float) -> None:
    logits, targets = [-1.0, 0.3, 2.0], [0.0, 1.0, 0.25]
    expected = 0.0
    for logit, target in zip(logits, targets, strict=True):
        p = 1 / (1 + math.exp(-logit))
        value = -weight * target * math.log(p) - (1 - target) * math.log(1 - p)
        if gamma:
            value *= (target * (1 - p) + (1 - target) * p) ** gamma * (0.25 * target + 0.75 * (1 - target))
        expected += value / 3
    found = focal_cross_entropy(torch.tensor(logits), torch.tensor(targets), weight, gamma)
    assert found.mean().item() == pytest.approx(expected, rel=1e-5)


def test_global_mean_of_no_values_is_zero() -> None:
    assert global_mean(torch.tensor([6.0, 0.0]), torch.tensor([3.0, 0.0])).tolist() == [2.0, 0.0]
