"""End a run that no longer improves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(slots=True, eq=False)
class EarlyStop:
    """Counts the epochs since the best one.

    Args:
        fitness: the record of an epoch -> how good it is; higher is better.
        patience: number of epochs without a better one after which the run ends.
    """

    fitness: Callable[[Mapping[str, float]], float]
    patience: int
    best: float = field(default=-math.inf, init=False)
    best_epoch: int = field(default=0, init=False)

    def update(self, record: Mapping[str, float], epoch: int) -> None:
        """Record whether an epoch is the best so far.

        Args:
            record: the numbers of the epoch by name.
            epoch: its number, from 1.
        """
        fitness = self.fitness(record)
        if fitness > self.best:
            self.best, self.best_epoch = fitness, epoch

    def reason_to_stop(self, epoch: int) -> str:
        """Return why the run ends after an epoch, numbered from 1; empty if it goes on."""
        if epoch - self.best_epoch < self.patience:
            return ""
        return f"no epoch was better than epoch {self.best_epoch} for {self.patience} epochs"

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]
