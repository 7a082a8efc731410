"""Ending a run after a signal, so that it can be resumed."""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING

from yolo.engine.callback import Callback

if TYPE_CHECKING:
    from types import FrameType

    from yolo.engine.trainer import Trainer

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopOnSignal(Callback):
    """Requests a stop after the current step on Ctrl-C or SIGTERM (which clusters send before they take a machine).

    A second Ctrl-C ends the run at once.
    """

    def on_train_start(self, trainer: Trainer) -> None:
        self._previous = {}
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows signal handlers only in the main thread

        def stop(number: int, _frame: FrameType | None) -> None:
            name = signal.Signals(number).name
            logger.info("%s: stopping after this step", name)
            trainer.stop(name)
            self._restore()

        self._previous = {number: signal.signal(number, stop) for number in SIGNALS}

    def on_train_end(self, trainer: Trainer) -> None:
        del trainer
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
