"""Compare learning rates with those of the C program.

`darknet_rates.json` holds, per case, the keys of [net] and [batch, rate] pairs.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from yolo.engine.darknet_policy import DarknetPolicy

CASES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "darknet_rates.json").read_text())
CONSTANT = DarknetPolicy(
    learning_rate=0.1,
    policy="constant",
    burn_in=0,
    power=4.0,
    max_batches=1000,
    steps=(),
    scales=(),
    step=100,
    scale=0.5,
    gamma=0.01,
    sgdr_cycle=0,
    sgdr_mult=2,
    learning_rate_min=0.0,
    seed=0,
)


@pytest.mark.parametrize("name", CASES)
def test_rates_equal_those_of_darknet(name: str) -> None:
    keys = CASES[name]["keys"]
    policy = DarknetPolicy(**{**keys, "steps": tuple(keys["steps"]), "scales": tuple(keys["scales"]), "seed": 0})
    for batch, rate in CASES[name]["rates"]:
        assert math.isclose(policy.rate(batch), rate, rel_tol=1e-6), f"batch {batch}"


@pytest.mark.parametrize(
    ("policy", "batch", "rate"),
    [  # not covered by the recorded cases
        ("exp", 10, 0.1 * 0.01**10),
        ("sigmoid", 100, 0.05),
        ("sigmoid", 200, 0.1 / (1 + math.e)),
        ("sigmoid", 10_000_000, 0.0),
        ("poly", 1200, 0.0),  # past max_batches
    ],
)
def test_policies_by_hand(policy: str, batch: int, rate: float) -> None:
    assert replace(CONSTANT, policy=policy).rate(batch) == pytest.approx(rate, rel=1e-6, abs=1e-30)


def test_random_rates_depend_only_on_seed_and_batch() -> None:
    policy = replace(CONSTANT, policy="random", power=1.0)
    rates = [policy.rate(batch) for batch in range(200)]
    assert rates == [policy.rate(batch) for batch in range(200)]
    assert len(set(rates)) == 200
    assert min(rates) < 0.01
    assert 0.09 < max(rates) < 0.1
    assert replace(policy, seed=1).rate(0) != rates[0]


def test_the_first_step_has_the_rate_of_batch_1() -> None:
    policy = replace(CONSTANT, burn_in=10, power=1.0)
    factors = [policy.factor(step / 1000, batches=1000) for step in (0, 1, 8, 9, 999)]
    assert factors == pytest.approx([0.1, 0.2, 0.9, 1, 1])


def test_rounding_neither_repeats_nor_skips_a_step() -> None:
    policy = replace(CONSTANT, policy="step", step=1, scale=0.999)
    found = [policy.factor((epoch + batch / 7) / 30, batches=210) for epoch in range(30) for batch in range(7)]
    assert found == pytest.approx([0.999**n for n in range(1, 211)], rel=1e-4)
