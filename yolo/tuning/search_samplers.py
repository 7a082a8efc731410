"""Samplers propose the values of the next generation, and may prune it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from yolo.tuning.search_log import read_generations
from yolo.tuning.search_space import mutate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolo.tuning.search_log import Outcome
    from yolo.tuning.search_space import SearchParam

NUM_PARENTS = 5


class Sampler(Protocol):
    """Proposes generations one after another; several processes may do so in one search."""

    def propose(self, number: int) -> Mapping[str, float]:
        """Return the values of a generation; number 1 gets the initial values."""
        ...

    def should_prune(self, epoch: int, fitness: float) -> bool:
        """Return whether to stop the generation that was proposed last."""
        ...

    def record_result(self, fitness: float, outcome: Outcome) -> None:
        """Record the result of the generation that was proposed last."""
        ...


class MutationSampler:
    """Mutate one of the best generations of all processes; better ones are chosen more often.

    Args:
        params: the hyper-parameters to vary.
        start: their initial values.
        log: the search's evolve.csv.
        seed: of the mutations; each generation's number gives another one.
    """

    def __init__(self, params: Sequence[SearchParam], start: Mapping[str, float], log: Path, seed: int) -> None:
        self.params = params
        self.start = start
        self.log = log
        self.seed = seed

    def propose(self, number: int) -> Mapping[str, float]:
        if number == 1:
            return self.start
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(number,))))
        best = sorted(read_generations(self.log), key=lambda generation: -generation.fitness)[:NUM_PARENTS]
        parents = [generation.values for generation in best] or [self.start]
        shares = 1 / np.arange(1, len(parents) + 1)
        return mutate(parents[rng.choice(len(parents), p=shares / shares.sum())], self.params, rng)

    def should_prune(self, epoch: int, fitness: float) -> bool:
        del epoch, fitness
        return False

    def record_result(self, fitness: float, outcome: Outcome) -> None:
        """Do nothing: evolve.csv has the result."""
