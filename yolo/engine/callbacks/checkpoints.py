"""last.pt after each epoch, and what is kept of the best one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from yolo.engine.callback import Callback
from yolo.engine.checkpoint import save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolo.engine.trainer import Trainer


class Checkpoints(Callback):
    """Saves the whole run as last.pt, and the averaged model of the fittest epoch through `save_best`.

    Args:
        folder: where to.
        description: what a checkpoint says beside the state: cfg, class names, settings.
        fitness: the epoch's numbers -> how good it is; the larger the better.
        save_best: called when an epoch is fitter than all before it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        description: dict[str, Any],
        fitness: Callable[[dict[str, float]], float],
        save_best: Callable[[Trainer], None],
    ) -> None:
        self.folder = folder
        self.description = description
        self.fitness = fitness
        self.save_best = save_best
        self.best = -math.inf

    def on_epoch_end(self, trainer: Trainer) -> None:
        fitness = self.fitness(trainer.record)
        if fitness > self.best:
            self.best = fitness
            self.save_best(trainer)
        state = {**self.description, **trainer.state_dict(), "best_fitness": self.best}
        save_checkpoint(self.folder / "last.pt", state)
