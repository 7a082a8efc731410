from __future__ import annotations

import math
from functools import partial
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolo.config.schedule_settings import PolicyName, ScheduleSettings
from yolo.engine.lr_policies import (
    Policy,
    build_policy,
    constant,
    cosine,
    exponential,
    linear,
    polynomial,
    sgdr,
    sigmoid,
    step,
    steps,
)

NAMES = [name for name in get_args(PolicyName) if name != "cfg"]


@pytest.mark.parametrize(
    ("policy", "at_0", "at_quarter", "at_half", "at_end"),
    [
        (constant, 1, 1, 1, 1),
        (partial(linear, floor=0.2), 1, 0.8, 0.6, 0.2),
        (partial(cosine, floor=0.2), 1, 0.2 + 0.4 * (1 + math.sqrt(0.5)), 0.6, 0.2),
        (partial(polynomial, floor=0.0, power=2), 1, 0.5625, 0.25, 0),
        (partial(polynomial, floor=0.5, power=1), 1, 0.875, 0.75, 0.5),
        (partial(exponential, floor=0.0625), 1, 0.5, 0.25, 0.0625),
        (partial(sigmoid, floor=0.2, steepness=10), 1, 0.2 + 0.8 * 0.929897, 0.6, 0.2),
        (partial(steps, at=(0.25, 0.5, 0.9), scales=(0.1, 5, 0.5)), 1, 0.1, 0.5, 0.25),
        (partial(step, every=0.25, scale=0.5), 1, 0.5, 0.25, 0.0625),
        (partial(sgdr, floor=0.2, restarts=1, mult=1), 1, 0.6, 1, 0.2),  # the second cycle starts half way
        (
            partial(sgdr, floor=0.0, restarts=1, mult=3),
            1,
            1,
            (1 + math.cos(math.pi / 3)) / 2,
            0,
        ),  # cycles of 1/4 and 3/4
        (partial(sgdr, floor=0.2, restarts=0, mult=2), 1, 0.2 + 0.4 * (1 + math.sqrt(0.5)), 0.6, 0.2),
    ],
)
def test_factors_by_hand(policy: Policy, at_0: float, at_quarter: float, at_half: float, at_end: float) -> None:
    found = [policy(progress) for progress in (0, 0.25, 0.5, 1)]
    assert found == pytest.approx([at_0, at_quarter, at_half, at_end], abs=1e-6)


def test_rounding_errors_do_not_delay_a_drop() -> None:
    third = 1 - 2 / 3  # 0.33333333333333337
    assert step(0.1 + 0.2, every=0.1, scale=0.5) == 0.125
    assert steps(0.7 + 0.1, at=(0.8,), scales=(0.1,)) == 0.1  # 0.7999999999999999
    assert sgdr(third, floor=0.0, restarts=2, mult=1) == pytest.approx(1.0)


@pytest.mark.parametrize("name", NAMES)
@given(progress=st.floats(0, 1))
def test_factors_stay_within_their_bounds(name: PolicyName, progress: float) -> None:
    settings = ScheduleSettings(schedule=name, lrf=0.1)
    factor = build_policy(settings)(progress)
    lowest = {"steps": 0.01, "step": 0.5**4}.get(name, 0.1)
    assert lowest * (1 - 1e-9) <= factor <= 1 + 1e-9


@pytest.mark.parametrize("name", ["cosine", "linear", "polynomial", "exponential", "sigmoid"])
@given(pair=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_smooth_policies_never_rise(name: PolicyName, pair: tuple[float, float]) -> None:
    policy = build_policy(ScheduleSettings(schedule=name))
    assert policy(min(pair)) >= policy(max(pair)) - 1e-12
