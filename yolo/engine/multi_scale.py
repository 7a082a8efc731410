"""Input sizes of multi-scale training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiScale:
    """Sizes drawn uniformly from the multiples of a stride; a function of seed and step, so equal on all ranks.

    Source: AlexeyAB/darknet src/detector.c (59596d78), `random=1`: a new size every 10 steps.
    """

    smallest: int  # pixels, a multiple of the stride
    largest: int  # pixels, a multiple of the stride
    stride: int
    seed: int
    every: int = 10  # steps that a size lasts

    @classmethod
    def around(cls, size: int, low: float, high: float, *, stride: int, seed: int, every: int = 10) -> MultiScale:
        """Use the multiples of `stride` from `low` to `high` times a size, which is a multiple too."""
        smallest, largest = math.ceil(size * low / stride) * stride, math.floor(size * high / stride) * stride
        return cls(smallest=smallest, largest=largest, stride=stride, seed=seed, every=every)

    def at(self, step: int) -> int:
        """Return the longer side of the input at an optimizer step, pixels."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(step // self.every,))))
        return int(rng.integers(self.smallest // self.stride, self.largest // self.stride, endpoint=True)) * self.stride
