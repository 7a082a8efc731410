from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from yolo.engine.ema import ModelEma, fitted_to_run


def test_average_follows_the_decay_formula() -> None:
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(0.0)
    ema = ModelEma(model, decay=0.9, warm_up=2)
    expected = 0.0
    for update in range(1, 4):
        model.weight.data.fill_(float(update))
        ema.update(model)
        decay = 0.9 * (1 - math.exp(-update / 2))
        expected = decay * expected + (1 - decay) * update
    average = ema.model.weight
    assert isinstance(average, torch.Tensor)
    assert math.isclose(average.item(), expected, rel_tol=1e-6)


def test_buffers_are_averaged_and_counters_copied() -> None:
    model = nn.BatchNorm1d(1)
    ema = ModelEma(model, decay=0.5, warm_up=1e-9)
    model(torch.tensor([[1.0], [3.0]]))  # running mean 0 -> 0.2, one batch tracked
    ema.update(model)
    state = ema.model.state_dict()
    assert math.isclose(state["running_mean"].item(), 0.1, rel_tol=1e-6)
    assert state["num_batches_tracked"].item() == 1


def test_state_dict_round_trip() -> None:
    model = nn.Linear(2, 2)
    ema = ModelEma(model)
    ema.update(model)
    other = ModelEma(nn.Linear(2, 2))
    other.load_state_dict(ema.state_dict())
    assert other.updates == 1
    assert torch.equal(other.model.state_dict()["weight"], ema.model.state_dict()["weight"])


def test_only_the_averaged_copy_stops_requiring_gradients() -> None:
    model = nn.Linear(1, 1)
    ema = ModelEma(model)
    assert not any(parameter.requires_grad for parameter in ema.model.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_shared_tensors_are_averaged_once() -> None:
    first, second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    second.weight = first.weight
    first.weight.data.fill_(0.0)
    model = nn.Sequential(first, second)
    ema = ModelEma(model, decay=0.5, warm_up=1e-9)
    first.weight.data.fill_(1.0)
    ema.update(model)
    average = ema.model.state_dict()
    assert average["0.weight"].item() == average["1.weight"].item() == 0.5


@pytest.mark.parametrize(
    ("steps", "share", "expected"),
    [
        (500_000, 0.05, (0.9999, 2000)),  # a long run: unchanged
        (200_000, 0.05, (0.9999, 2000)),  # the shortest run that is unchanged
        (40_000, 0.05, (0.9995, 2000)),
        (400, 0.05, (0.95, 20)),
        (130, 0.0, (0.9999, 2000)),  # no limit
        (10, 0.05, (0.0, 1.0)),  # too short to average over
    ],
)
def test_short_runs_average_over_a_share_of_steps(steps: int, share: float, expected: tuple[float, float]) -> None:
    assert fitted_to_run(0.9999, steps, share) == pytest.approx(expected)


def test_non_finite_buffers_are_restored() -> None:
    model = nn.BatchNorm1d(2)
    ema = ModelEma(model)
    assert model.running_mean is not None
    model.running_mean.copy_(torch.tensor([math.nan, 3.0]))
    ema.restore_finite_buffers(model)
    assert model.running_mean.tolist() == [0.0, 3.0]
