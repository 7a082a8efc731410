from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolo.config.recipe import flatten_settings, with_values
from yolo.config.train_settings import TrainSettings
from yolo.tuning.search_space import LOSS, SearchParam, initial_values, mutate, search_params

SETTINGS = TrainSettings()
PARAMS = search_params(SETTINGS)


@st.composite
def points(draw: st.DrawFn) -> dict[str, float]:
    return {param.name: draw(st.floats(param.low, param.high)) for param in PARAMS}


@given(points(), st.integers(0, 2**32 - 1))
def test_a_mutation_changes_values_within_bounds_and_is_valid(values: dict[str, float], seed: int) -> None:
    child = mutate(values, PARAMS, np.random.default_rng(seed))
    assert child != values
    assert all(param.low <= child[param.name] <= param.high for param in PARAMS)
    assert flatten_settings(with_values(SETTINGS, child)).items() >= child.items()
    assert child == mutate(values, PARAMS, np.random.default_rng(seed))


def test_values_are_perturbed_by_sigma() -> None:
    linear, logarithmic = SearchParam("a", 0.0, 1.0, 0.1), SearchParam("b", 0.01, 100.0, 0.5, log_scale=True)
    assert linear.perturb(0.5, 2.0) == pytest.approx(0.7)
    assert linear.perturb(0.5, -9.0) == 0.0
    assert logarithmic.perturb(2.0, -1.0) == pytest.approx(2 * np.exp(-0.5))
    assert logarithmic.perturb(0.0, 0.0) == 0.01  # an initial value out of bounds


def test_about_half_of_the_values_change() -> None:
    middle = {param.name: (param.low + param.high) / 2 for param in PARAMS}
    children = [mutate(middle, PARAMS, np.random.default_rng(seed)) for seed in range(200)]
    changed = [sum(child[name] != middle[name] for name in middle) for child in children]
    assert 0.45 < np.mean(changed) / len(PARAMS) < 0.55


def test_hyper_parameters_without_effect_are_not_varied() -> None:
    def names(settings: TrainSettings) -> set[str]:
        return {param.name for param in search_params(settings)}

    everything = names(SETTINGS)
    assert everything - names(with_values(SETTINGS, {"rect": True})) == {"mosaic", "mixup"}
    assert everything - names(with_values(SETTINGS, {"loss": "darknet"})) == {param.name for param in LOSS}
    by_cfg = with_values(SETTINGS, {"schedule": "cfg"})
    assert everything - names(by_cfg) == {"lr0", "lrf", "momentum", "weight_decay"}


def test_initial_values_are_those_of_the_settings() -> None:
    values = initial_values(SETTINGS, PARAMS)
    assert (values["lr0"], values["giou"], values["fliplr"]) == (0.01, 3.54, 0.5)
    for param in PARAMS:
        assert param.low <= values[param.name] <= param.high
