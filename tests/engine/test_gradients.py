from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from yolo.engine.gradients import clip_gradients


def optimizer(*gradients: list[float] | None) -> torch.optim.SGD:
    parameters = []
    for gradient in gradients:
        parameter = nn.Parameter(torch.zeros(len(gradient or [0])))
        parameter.grad = None if gradient is None else torch.tensor(gradient)
        parameters.append(parameter)
    return torch.optim.SGD(parameters, lr=1.0)


def gradients(sgd: torch.optim.SGD) -> list[list[float]]:
    return [p.grad.tolist() for p in sgd.param_groups[0]["params"] if p.grad is not None]


@pytest.mark.parametrize(
    ("max_norm", "expected"),
    [
        (0.0, [[3.0], [4.0, 0.0]]),  # no limit
        (10.0, [[3.0], [4.0, 0.0]]),  # within it
        (2.5, [[1.5], [2.0, 0.0]]),
    ],
)
def test_clipping_uses_the_norm_of_all_gradients(max_norm: float, expected: list[list[float]]) -> None:
    sgd = optimizer([3.0], None, [4.0, 0.0])
    assert clip_gradients(sgd, max_norm) == 5.0  # the norm before clipping
    assert [value for row in gradients(sgd) for value in row] == pytest.approx([v for row in expected for v in row])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("max_norm", [0.0, 1.0])
def test_a_non_finite_gradient_makes_the_norm_non_finite_and_clips_nothing(bad: float, max_norm: float) -> None:
    sgd = optimizer([1.0], [2.0, bad])
    assert not math.isfinite(clip_gradients(sgd, max_norm))
    assert gradients(sgd)[0] == [1.0]


def test_without_gradients_the_norm_is_zero() -> None:
    assert clip_gradients(optimizer(None), 1.0) == 0.0
