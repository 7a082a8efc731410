"""What proposes the next generation, and may cut it short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from yolo.tuning.search_log import read_generations
from yolo.tuning.space import mutate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolo.tuning.search_log import Outcome
    from yolo.tuning.space import Gene

NUM_PARENTS = 5


class Sampler(Protocol):
    """Proposes generations one after another; several processes may do so in one search."""

    def propose(self, number: int) -> Mapping[str, float]:
        """Values of the genes for the generation of this number; 1 is the start itself."""
        ...

    def is_hopeless(self, epoch: int, fitness: float) -> bool:
        """Whether the generation that was proposed last is not worth its next epochs."""
        ...

    def close(self, fitness: float, outcome: Outcome) -> None:
        """Note how the generation that was proposed last ended."""
        ...


class Mutation:
    """Mutates one of the best generations so far, of all processes, a better one rather than a worse one.

    Args:
        genes: what varies.
        start: its values to begin with.
        log: the search's evolve.csv.
        seed: of the mutations; each generation's number gives another one.
    """

    def __init__(self, genes: Sequence[Gene], start: Mapping[str, float], log: Path, seed: int) -> None:
        self.genes = genes
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
        return mutate(parents[rng.choice(len(parents), p=shares / shares.sum())], self.genes, rng)

    def is_hopeless(self, epoch: int, fitness: float) -> bool:
        del epoch, fitness
        return False

    def close(self, fitness: float, outcome: Outcome) -> None:
        """Nothing: evolve.csv holds it."""
