"""last.pt, from which a run is resumed, and the files of the best epoch."""

from __future__ import annotations

import copy
import logging
import math
import time
from typing import TYPE_CHECKING, Any

from yolo.checkpoints.checkpoint_file import save_checkpoint
from yolo.engine.callback import Callback
from yolo.errors import TrainingError
from yolo.finite_weights import describe_non_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import nn

    from yolo.engine.train_state import TrainState
    from yolo.engine.trainer import Trainer

    SaveBest = Callable[[nn.Module, TrainState, Mapping[str, float]], None]


logger = logging.getLogger(__name__)


class Checkpoints(Callback):
    """Saves the whole run as last.pt: at its start, periodically, after each epoch, and where it stops.

    Comes after the callbacks whose state it saves.

    Args:
        folder: to write to.
        description: what a checkpoint holds besides the state: cfg, class names, settings.
        fitness: the record of an epoch -> how good it is; higher is better.
        save_best: called with the averaged model, the state and the record of each epoch that is the best so far, and
            of the last one if no epoch has a finite score.
        interval_s: maximum seconds of training between two saves.
        period: also keep `epochN.pt` every so many epochs; 0: none.
        only_at_end: write nothing before the run ends; the best epoch is held in memory.
    """

    def __init__(
        self,
        folder: Path,
        *,
        description: dict[str, Any],
        fitness: Callable[[Mapping[str, float]], float],
        save_best: SaveBest,
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
        self._unsaved_best: tuple[nn.Module, TrainState, Mapping[str, float]] | None = None

    def on_train_start(self, trainer: Trainer) -> None:
        if not self.only_at_end:
            self._save(trainer, "last.pt")

    def on_step_end(self, trainer: Trainer) -> None:
        if not self.only_at_end and time.monotonic() - self._saved_at >= self.interval_s:
            self._save(trainer, "last.pt")

    def on_epoch_end(self, trainer: Trainer, record: Mapping[str, float]) -> None:
        _check_finite(trainer)
        fitness = self.fitness(record)
        is_last = trainer.state.epoch == trainer.epochs or bool(trainer.stop_reason and not trainer.is_interrupted)
        if fitness > self.best:
            self.best = fitness
            self._keep_best(trainer, record)
        elif is_last and self.best == -math.inf:
            logger.warning("no epoch has a finite score: the last one is kept as the best")
            self._keep_best(trainer, record)
        if not self.only_at_end or trainer.state.epoch == trainer.epochs:
            self._save(trainer, "last.pt")
        if self.period and trainer.state.epoch % self.period == 0:
            self._save(trainer, f"epoch{trainer.state.epoch}.pt")

    def on_train_end(self, trainer: Trainer) -> None:
        """Save after a stop. After an error the file stays as it is: a failed step must not be kept."""
        if self._unsaved_best:
            self.save_best(*self._unsaved_best)
        if trainer.stop_reason and (trainer.state.batches or self.only_at_end):
            self._save(trainer, "last.pt")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best = state["best"]

    def _keep_best(self, trainer: Trainer, record: Mapping[str, float]) -> None:
        best = (trainer.ema.model, trainer.state, record)
        if self.only_at_end:
            self._unsaved_best = copy.deepcopy(best)
        else:
            self.save_best(*best)

    def _save(self, trainer: Trainer, name: str) -> None:
        _check_finite(trainer)
        save_checkpoint(self.folder / name, {**self.description, **trainer.state_dict()})
        self._saved_at = time.monotonic()


def _check_finite(trainer: Trainer) -> None:
    """Keep the last saved state of a run whose weights have become useless.

    Raises:
        TrainingError: some weights, or their averages, are not finite.
    """
    for model in (trainer.model, trainer.ema.model):
        if bad := describe_non_finite(model.state_dict().items()):
            raise TrainingError(
                f"after step {trainer.state.step}: {bad}; what was saved before is kept; "
                "lower --lr0, lengthen --burn-in-epochs, or clip gradients: --clip-grad-norm 10"
            )
