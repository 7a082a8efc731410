"""last.pt, from which a run goes on, and what is kept of the best epoch."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from yolo.engine.callback import Callback
from yolo.engine.checkpoint import save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolo.engine.trainer import Trainer


class Checkpoints(Callback):
    """Saves the whole run as last.pt: at its start, every so often, after each epoch, and where it stops.

    Comes last among the callbacks, so that the file holds what the others noted of the epoch.

    Args:
        folder: where to.
        description: what a checkpoint says beside the state: cfg, class names, settings.
        fitness: the epoch's numbers -> how good it is; the larger the better.
        save_best: called when an epoch is fitter than all before it.
        interval_s: most seconds of training between two savings.
        period: also keep `epochN.pt` every so many epochs; 0: none.
    """

    def __init__(
        self,
        folder: Path,
        *,
        description: dict[str, Any],
        fitness: Callable[[dict[str, float]], float],
        save_best: Callable[[Trainer], None],
        interval_s: float = 600.0,
        period: int = 0,
    ) -> None:
        self.folder = folder
        self.description = description
        self.fitness = fitness
        self.save_best = save_best
        self.interval_s = interval_s
        self.period = period
        self.best = -math.inf

    def on_train_start(self, trainer: Trainer) -> None:
        self._save(trainer, "last.pt")

    def on_step_end(self, trainer: Trainer) -> None:
        if time.monotonic() - self._saved_at >= self.interval_s:
            self._save(trainer, "last.pt")

    def on_epoch_end(self, trainer: Trainer) -> None:
        fitness = self.fitness(trainer.record)
        if fitness > self.best:
            self.best = fitness
            self.save_best(trainer)
        self._save(trainer, "last.pt")
        if self.period and trainer.state.epoch % self.period == 0:
            self._save(trainer, f"epoch{trainer.state.epoch}.pt")

    def on_train_end(self, trainer: Trainer) -> None:
        """After a stop within an epoch; an error leaves the file as it is, a failed step is not to be kept."""
        if trainer.stop_reason and trainer.state.batches:
            self._save(trainer, "last.pt")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best = state["best"]

    def _save(self, trainer: Trainer, name: str) -> None:
        save_checkpoint(self.folder / name, {**self.description, **trainer.state_dict()})
        self._saved_at = time.monotonic()
