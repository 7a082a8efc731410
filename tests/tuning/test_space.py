from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolo.config.recipe import flat, with_values
from yolo.config.train_settings import TrainSettings
from yolo.tuning.space import LOSS, Gene, genes_of, mutate, values_of

SETTINGS = TrainSettings()
GENES = genes_of(SETTINGS)


@st.composite
def points(draw: st.DrawFn) -> dict[str, float]:
    return {gene.name: draw(st.floats(gene.low, gene.high)) for gene in GENES}


@given(points(), st.integers(0, 2**32 - 1))
def test_a_mutation_is_another_point_within_bounds_and_a_valid_run(values: dict[str, float], seed: int) -> None:
    child = mutate(values, GENES, np.random.default_rng(seed))
    assert child != values
    assert all(gene.low <= child[gene.name] <= gene.high for gene in GENES)
    assert flat(with_values(SETTINGS, child)).items() >= child.items()
    assert child == mutate(values, GENES, np.random.default_rng(seed))


def test_a_gene_moves_by_sigma() -> None:
    linear, logarithmic = Gene("a", 0.0, 1.0, 0.1), Gene("b", 0.01, 100.0, 0.5, logarithmic=True)
    assert linear.mutated(0.5, 2.0) == pytest.approx(0.7)
    assert linear.mutated(0.5, -9.0) == 0.0
    assert logarithmic.mutated(2.0, -1.0) == pytest.approx(2 * np.exp(-0.5))
    assert logarithmic.mutated(0.0, 0.0) == 0.01  # a start out of bounds


def test_about_half_of_the_genes_change() -> None:
    middle = {gene.name: (gene.low + gene.high) / 2 for gene in GENES}
    children = [mutate(middle, GENES, np.random.default_rng(seed)) for seed in range(200)]
    changed = [sum(child[name] != middle[name] for name in middle) for child in children]
    assert 0.45 < np.mean(changed) / len(GENES) < 0.55


def test_only_what_has_an_effect_is_varied() -> None:
    def names(settings: TrainSettings) -> set[str]:
        return {gene.name for gene in genes_of(settings)}

    everything = names(SETTINGS)
    assert everything - names(with_values(SETTINGS, {"rect": True})) == {"mosaic", "mixup"}
    assert everything - names(with_values(SETTINGS, {"loss": "darknet"})) == {gene.name for gene in LOSS}
    by_cfg = with_values(SETTINGS, {"schedule": "cfg"})
    assert everything - names(by_cfg) == {"lr0", "lrf", "momentum", "weight_decay"}


def test_the_start_is_the_settings() -> None:
    values = values_of(SETTINGS, GENES)
    assert (values["lr0"], values["giou"], values["fliplr"]) == (0.01, 3.54, 0.5)
    for gene in GENES:
        assert gene.low <= values[gene.name] <= gene.high
