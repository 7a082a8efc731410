from __future__ import annotations

import math
from pathlib import Path

import pytest

from yolo.tuning.optuna_sampler import OptunaSampler
from yolo.tuning.search_space import SearchParam

pytest.importorskip("optuna")

PARAMS = (SearchParam("x", 0.01, 1.0, 0.1, log_scale=True), SearchParam("y", 0.0, 1.0, 0.1))
START = {"x": 0.1, "y": 2.0}


def test_the_study_is_shared_through_its_file_and_finds_the_maximum(tmp_path: Path) -> None:
    samplers = [
        OptunaSampler(PARAMS, START, tmp_path, seed=0, num_warmup_epochs=2) for _ in range(2)
    ]  # of two processes
    best = -math.inf
    for number in range(1, 41):
        sampler = samplers[number % 2]
        values = sampler.propose(number)
        assert all(param.low <= values[param.name] <= param.high for param in PARAMS)
        if number == 1:
            assert values == {"x": 0.1, "y": 1.0}  # the initial values, clamped to the bounds
        fitness = 1 - abs(values["y"] - 0.3) - abs(math.log10(values["x"]) + 1)
        best = max(best, fitness)
        sampler.record_result(fitness, "done")
    assert best > 0.9
    assert len(samplers[0].study.trials) == 40


def test_generations_below_the_median_are_pruned(tmp_path: Path) -> None:
    sampler = OptunaSampler(PARAMS, START, tmp_path, seed=0, num_warmup_epochs=2)
    for number in range(1, 8):
        sampler.propose(number)
        assert not any(sampler.should_prune(epoch, 0.1 * epoch) for epoch in (1, 2, 3))
        sampler.record_result(0.3, "done")
    sampler.propose(8)
    assert not sampler.should_prune(1, -math.inf)  # the epoch has no score
    assert not sampler.should_prune(1, 0.0)  # warm-up
    assert sampler.should_prune(2, 0.05)
    sampler.record_result(0.05, "pruned")
    assert sampler.study.trials[-1].state.name == "PRUNED"
