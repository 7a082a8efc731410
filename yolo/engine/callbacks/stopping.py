"""What may end a run before its last epoch: no more progress, or a signal."""

from __future__ import annotations

import logging
import math
import signal
import threading
from typing import TYPE_CHECKING, Any

from yolo.engine.callback import Callback

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from yolo.engine.trainer import Trainer

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class EarlyStop(Callback):
    """Stops when no epoch of the last ones was fitter than those before.

    Args:
        fitness: the epoch's numbers -> how good it is; the larger the better.
        patience: that many epochs.
    """

    def __init__(self, fitness: Callable[[dict[str, float]], float], patience: int) -> None:
        self.fitness = fitness
        self.patience = patience
        self.best = -math.inf
        self.best_epoch = 0

    def on_train_start(self, trainer: Trainer) -> None:
        self._stop_if_stale(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        fitness = self.fitness(trainer.record)
        if fitness > self.best:
            self.best, self.best_epoch = fitness, trainer.state.epoch
        self._stop_if_stale(trainer)

    def _stop_if_stale(self, trainer: Trainer) -> None:
        if trainer.state.epoch - self.best_epoch >= self.patience:
            trainer.stop(f"no epoch was better than epoch {self.best_epoch} for {self.patience} epochs", for_good=True)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]


class StopOnSignal(Callback):
    """Ctrl-C and SIGTERM (what a cluster sends before it takes a machine) end the run after the step in progress.

    A second Ctrl-C ends it at once.
    """

    def on_train_start(self, trainer: Trainer) -> None:
        self._before = {}
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows handlers in the main thread alone

        def stop(number: int, _frame: FrameType | None) -> None:
            name = signal.Signals(number).name
            logger.info("%s: stopping after this step", name)
            trainer.stop(name)
            self._restore()

        self._before = {number: signal.signal(number, stop) for number in SIGNALS}

    def on_train_end(self, trainer: Trainer) -> None:
        del trainer
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
