"""Stop a run after a signal, in a state from which it can be resumed."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING

from yolo.engine.callback import Callback

if TYPE_CHECKING:
    from types import FrameType

    from yolo.engine.trainer import Trainer

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAME_REQUEST_S = 1.0  # a launcher passes on what its whole process group has received


class StopOnSignal(Callback):
    """Requests a stop after the current step on Ctrl-C or SIGTERM (which clusters send before they end a job).

    A second Ctrl-C ends the run at once; a second SIGTERM changes nothing.
    """

    def on_train_start(self, trainer: Trainer) -> None:
        self._previous = {}
        self._stopped_at: float | None = None
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows signal handlers only in the main thread

        def stop(number: int, _frame: FrameType | None) -> None:
            name = signal.Signals(number).name
            if self._stopped_at is None:
                self._stopped_at = time.monotonic()
                logger.info("%s: stopping after this step", name)
                trainer.stop(name)
            elif number == signal.SIGINT and time.monotonic() - self._stopped_at > SAME_REQUEST_S:
                raise KeyboardInterrupt

        self._previous = {number: signal.signal(number, stop) for number in SIGNALS}

    def on_train_end(self, trainer: Trainer) -> None:
        del trainer
        for number, handler in self._previous.items():
            signal.signal(number, handler)
