"""The duration of a run, over all its resumptions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from yolo.engine.callback import Callback

if TYPE_CHECKING:
    from yolo.engine.trainer import Trainer


class Clock(Callback):
    """Measures the time between the start and the end of training, validation included."""

    def __init__(self) -> None:
        self._earlier_s = 0.0
        self._started: float | None = None

    @property
    def seconds(self) -> float:
        """Duration so far."""
        return self._earlier_s + (0.0 if self._started is None else time.monotonic() - self._started)

    def on_train_start(self, trainer: Trainer) -> None:
        del trainer
        self._started = time.monotonic()

    def on_train_end(self, trainer: Trainer) -> None:
        del trainer
        self._earlier_s, self._started = self.seconds, None

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._earlier_s = state["seconds"]
