"""last.pt, from which a run goes on, and what is kept of the best epoch."""

from __future__ import annotations

import copy
import math
import time
from typing import TYPE_CHECKING, Any

from yolo.checkpoints.checkpoint_file import save_checkpoint
from yolo.engine.callback import Callback

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

    from yolo.engine.trainer import Trainer, TrainState


class Checkpoints(Callback):
    """Saves the whole run as last.pt: at its start, every so often, after each epoch, and where it stops.

    Comes last among the callbacks, so that the file holds what the others noted of the epoch.

    Args:
        folder: where to.
        description: what a checkpoint says beside the state: cfg, class names, settings.
        fitness: the epoch's numbers -> how good it is; the larger the better.
        save_best: (averaged model, state, the epoch's numbers) of an epoch that is fitter than all before it.
        interval_s: most seconds of training between two savings.
        period: also keep `epochN.pt` every so many epochs; 0: none.
        only_at_end: write nothing before the run ends; the best epoch is held in memory.
    """

    def __init__(
        self,
        folder: Path,
        *,
        description: dict[str, Any],
        fitness: Callable[[dict[str, float]], float],
        save_best: Callable[[nn.Module, TrainState, dict[str, float]], None],
        interval_s: float = 600.0,
        period: int = 0,
        only_at_end: bool = False,
    ) -> None:
        self.folder = folder
        self.description = description
        self.fitness = fitness
        self.save_best = save_best
        self.interval_s = interval_s
        self.period = period
        self.only_at_end = only_at_end
        self.best = -math.inf
        self._held: tuple[nn.Module, TrainState, dict[str, float]] | None = None

    def on_train_start(self, trainer: Trainer) -> None:
        if not self.only_at_end:
            self._save(trainer, "last.pt")

    def on_step_end(self, trainer: Trainer) -> None:
        if not self.only_at_end and time.monotonic() - self._saved_at >= self.interval_s:
            self._save(trainer, "last.pt")

    def on_epoch_end(self, trainer: Trainer) -> None:
        fitness = self.fitness(trainer.record)
        if fitness > self.best:
            self.best = fitness
            self._keep_best(trainer)
        if not self.only_at_end or trainer.state.epoch == trainer.epochs:
            self._save(trainer, "last.pt")
        if self.period and trainer.state.epoch % self.period == 0:
            self._save(trainer, f"epoch{trainer.state.epoch}.pt")

    def on_train_end(self, trainer: Trainer) -> None:
        """After a stop; an error leaves the file as it is, a failed step is not to be kept."""
        if self._held:
            self.save_best(*self._held)
        if trainer.stop_reason and (trainer.state.batches or self.only_at_end):
            self._save(trainer, "last.pt")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best = state["best"]

    def _keep_best(self, trainer: Trainer) -> None:
        best = (trainer.ema.model, trainer.state, trainer.record)
        if self.only_at_end:
            self._held = copy.deepcopy(best)
        else:
            self.save_best(*best)

    def _save(self, trainer: Trainer, name: str) -> None:
        save_checkpoint(self.folder / name, {**self.description, **trainer.state_dict()})
        self._saved_at = time.monotonic()
