"""How long a run has taken, over all its resumptions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from yolo.engine.callback import Callback

if TYPE_CHECKING:
    from yolo.engine.trainer import Trainer


class Clock(Callback):
    """Counts the time between start and end of training, evaluation within it included."""

    def __init__(self) -> None:
        self._before = 0.0
        self._started: float | None = None

    @property
    def seconds(self) -> float:
        """So far."""
        return self._before + (0.0 if self._started is None else time.monotonic() - self._started)

    def on_train_start(self, trainer: Trainer) -> None:
        del trainer
        self._started = time.monotonic()

    def on_train_end(self, trainer: Trainer) -> None:
        del trainer
        self._before, self._started = self.seconds, None

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._before = state["seconds"]
