from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from yolo.config.schedule_settings import PolicyName, ScheduleSettings
from yolo.engine.lr_policies import build_policy, constant, cosine
from yolo.engine.optimizer import ParamSchedule, build_optimizer
from yolo.engine.schedule import Schedule, accumulation, burn_in_epochs

COSINE = partial(cosine, floor=0.05)
RUN = Schedule(epochs=100, policy=COSINE, burn_in=4, lr=0.01, momentum=0.937, weight_decay=5e-4, accumulate=4)


@pytest.mark.parametrize(
    ("epoch", "weights_lr", "bias_lr"),
    [
        (0, 0.0, 0.1),  # burn-in starts
        (2, 0.5 * 0.01 * COSINE(0.02), 0.05 + 0.5 * 0.01 * COSINE(0.02)),  # half way through it
        (4, 0.01 * COSINE(0.04), 0.01 * COSINE(0.04)),  # its end: equal rates
        (50, 0.01 * (0.05 + 0.95 / 2), 0.01 * (0.05 + 0.95 / 2)),  # half way down the cosine
        (100, 0.0005, 0.0005),
        (120, 0.0005, 0.0005),  # past the end
    ],
)
def test_learning_rates(epoch: float, weights_lr: float, bias_lr: float) -> None:
    assert math.isclose(RUN.lr_at(epoch, bias=False), weights_lr, abs_tol=1e-12)
    assert math.isclose(RUN.lr_at(epoch, bias=True), bias_lr, abs_tol=1e-12)


def test_accumulation_momentum_and_weight_decay_ramp_with_burn_in() -> None:
    assert [RUN.accumulate_at(epoch) for epoch in (0, 1, 2, 3, 4, 50)] == [1, 2, 2, 3, 4, 4]
    assert [RUN.momentum_at(epoch) for epoch in (0, 4, 9)] == pytest.approx([0.9, 0.937, 0.937])
    assert [RUN.weight_decay_at(epoch) for epoch in (0, 2, 9)] == pytest.approx([0, 2.5e-4, 5e-4])


def test_without_burn_in_rates_start_at_lr() -> None:
    run = Schedule(epochs=10, policy=constant, burn_in=0, lr=1.0, momentum=0.9, weight_decay=0, accumulate=1)
    assert run.lr_at(0, bias=False) == run.lr_at(0, bias=True) == 1.0


@pytest.mark.parametrize(
    ("epochs", "batches", "expected"),
    [
        (300, 1000, 3),  # three epochs are longer than 500 batches
        (300, 100, 5),  # 500 batches are five epochs
        (10, 13, 1),  # a short run on few images: a tenth of it
    ],
)
def test_burn_in_is_a_bounded_share_of_a_short_run(epochs: float, batches: int, expected: float) -> None:
    assert burn_in_epochs(epochs, batches, max_share=0.1) == expected


@pytest.mark.parametrize(
    ("batch_size", "batches", "expected"),
    [
        (16, 100_000, 4),  # 64 nominal
        (16, 130, 1),  # 130 batches in total: no accumulation
        (16, 5000, 2),  # at least 2,000 steps remain
        (64, 100_000, 1),
        (128, 100_000, 1),
    ],
)
def test_accumulation(batch_size: int, batches: int, expected: int) -> None:
    assert accumulation(batch_size, 64, batches, min_steps=2000) == expected


def test_apply_sets_each_group() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    optimizer = build_optimizer(model, "sgd", lr=0.01, momentum=0.9, weight_decay=5e-4)
    groups = {group["name"]: group for group in optimizer.param_groups}
    assert {name: len(group["params"]) for name, group in groups.items()} == {"biases": 2, "weights": 1, "norms": 1}
    RUN.apply(optimizer, 2)
    assert groups["biases"]["lr"] == RUN.lr_at(2, bias=True)
    assert groups["norms"]["lr"] == groups["weights"]["lr"] == RUN.lr_at(2, bias=False)
    assert [groups[name]["weight_decay"] for name in ("biases", "weights", "norms")] == [0, 2.5e-4, 0]
    assert groups["weights"]["momentum"] == RUN.momentum_at(2)
    assert groups["weights"]["params"][0] is next(model.parameters())


def test_adam_gets_the_momentum_as_its_first_beta() -> None:
    optimizer = build_optimizer(nn.Linear(2, 2), "adamw", lr=0.01, momentum=0.9, weight_decay=5e-4)
    RUN.apply(optimizer, 4)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert {group["betas"] for group in optimizer.param_groups} == {(0.937, 0.999)}
    assert {group["name"]: group["weight_decay"] for group in optimizer.param_groups} == {"biases": 0, "weights": 5e-4}


def test_lr_min_holds_after_burn_in() -> None:
    run = replace(RUN, lr_min=0.004)
    assert run.lr_at(0, bias=False) == 0
    assert run.lr_at(4, bias=False) == 0.01 * COSINE(0.04)
    assert run.lr_at(100, bias=False) == run.lr_at(100, bias=True) == 0.004


def test_objectness_ratio_ramps_only_if_enabled() -> None:
    assert [RUN.objectness_ratio_at(epoch) for epoch in (0, 2, 4)] == [1, 1, 1]
    assert [replace(RUN, objectness_ramp=True).objectness_ratio_at(epoch) for epoch in (0, 2, 4, 9)] == [0, 0.5, 1, 1]


def test_apply_multiplies_by_the_lr_factor_of_a_group() -> None:
    model = nn.Linear(2, 2)
    schedules = {model.get_parameter("weight"): ParamSchedule(lr_factor=0.5)}
    optimizer = build_optimizer(model, "sgd", lr=0.01, momentum=0.9, weight_decay=0, schedules=schedules)
    RUN.apply(optimizer, 4)
    rates = {group["name"]: group["lr"] for group in optimizer.param_groups}
    assert rates == {"biases": RUN.lr_at(4, bias=True), "weights x 0.5": 0.5 * RUN.lr_at(4, bias=False)}


NAMES = [name for name in get_args(PolicyName) if name != "cfg"]


@given(
    name=st.sampled_from(NAMES),
    lr_min=st.floats(0, 0.02),
    burn_in=st.floats(0.1, 50),
    epoch=st.floats(0, 120),
    bias=st.booleans(),
)
def test_schedules_stay_within_bounds_and_are_continuous_after_burn_in(
    name: PolicyName, lr_min: float, burn_in: float, epoch: float, bias: bool
) -> None:
    policy = build_policy(ScheduleSettings(schedule=name))
    run = replace(RUN, policy=policy, lr_min=lr_min, burn_in=burn_in)
    rate = run.lr_at(epoch, bias=bias)
    assert rate >= (lr_min if epoch >= burn_in else 0)
    assert rate <= max(0.01, lr_min, run.burn_in_bias_lr if epoch < burn_in else 0) * (1 + 1e-9)
    assert 0.9 <= run.momentum_at(epoch) <= 0.937
    assert 1 <= run.accumulate_at(epoch) <= 4
    before, after = run.lr_at(burn_in * (1 - 1e-9), bias=bias), run.lr_at(burn_in, bias=bias)
    assert math.isclose(before, after, rel_tol=1e-6)  # burn-in ends at the policy's rate
