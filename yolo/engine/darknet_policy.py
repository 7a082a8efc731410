"""Darknet's learning rate, batch by batch.

Darknet computes with 32-bit floats, and powers in doubles; so does this module, because near the end of a `poly` run
the rest of the run is a difference of nearly equal numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

POLICIES = ("constant", "step", "steps", "exp", "poly", "sigmoid", "sgdr", "random")
_WHOLE = 1e-6  # tolerance of a whole number of batches


@dataclass(frozen=True, slots=True, kw_only=True)
class DarknetPolicy:
    """Keys of [net] that determine the learning rate.

    Source: AlexeyAB/darknet src/network.c get_current_rate (59596d78).
    """

    learning_rate: float
    policy: str
    burn_in: int
    power: float
    max_batches: int
    steps: tuple[int, ...]
    scales: tuple[float, ...]
    step: int
    scale: float
    gamma: float
    sgdr_cycle: int  # batches of the first cycle; 0: max_batches
    sgdr_mult: int
    learning_rate_min: float  # of sgdr
    seed: int  # of random

    def rate(self, batch: int) -> float:
        """Return the learning rate after `batch` batches of the cfg's size; an unknown policy is constant."""
        if batch < self.burn_in:
            return self._times(_power(np.float32(batch) / np.float32(self.burn_in), self.power))
        factor = {
            "step": self._step,
            "steps": self._steps,
            "exp": self._exp,
            "poly": self._poly,
            "sigmoid": self._sigmoid,
            "random": self._random,
        }.get(self.policy)
        if self.policy == "sgdr":
            return self._sgdr(batch)
        return self._times(factor(batch) if factor else 1.0)

    def factor(self, progress: float, *, batches: float) -> float:
        """Return the rate as a factor of `learning_rate`, for the optimizer step that starts at a share of the run.

        Darknet counts a batch before it uses it: the first step has the rate of batch 1.

        Args:
            progress: share of the run that is done.
            batches: length of the run in batches of the cfg's size.
        """
        return self.rate(math.floor(progress * batches + _WHOLE) + 1) / self.learning_rate

    def _times(self, factor: float) -> float:
        return float(np.float32(self.learning_rate) * np.float32(factor))

    def _step(self, batch: int) -> float:
        return _power(self.scale, batch // self.step)

    def _steps(self, batch: int) -> float:
        pairs = zip(self.steps, self.scales, strict=False)  # entries without a partner are ignored
        reached = [scale for start, scale in pairs if start <= batch]
        return math.prod(reached)

    def _exp(self, batch: int) -> float:
        return _power(self.gamma, batch)

    def _poly(self, batch: int) -> float:
        left = np.float32(1) - np.float32(batch) / np.float32(self.max_batches)
        return _power(max(left, np.float32(0)), self.power)  # past the end, where Darknet would have stopped: 0

    def _sigmoid(self, batch: int) -> float:
        return 1 / (1 + math.exp(min(self.gamma * (batch - self.step), 700)))

    def _random(self, batch: int) -> float:
        return float(np.random.default_rng([self.seed, batch]).random() ** self.power)

    def _sgdr(self, batch: int) -> float:
        start, cycle = 0, self.sgdr_cycle or self.max_batches
        while start + cycle < batch:
            start += cycle
            cycle *= self.sgdr_mult
        low, high = self.learning_rate_min, self.learning_rate
        return low + 0.5 * (high - low) * (1 + math.cos((batch - start) * math.pi / cycle))


def _power(base: float | np.floating, exponent: float) -> float:
    return float(float(np.float32(base)) ** exponent)
