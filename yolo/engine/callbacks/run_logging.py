"""Passes the settings of a run, the numbers of each epoch and some images to loggers.

Images are drawn, and loggers called, in a thread: neither a step nor another process waits for a plot or a server.
"""

from __future__ import annotations

import copy
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2

from yolo.engine.callback import Callback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from torch import nn

    from yolo.engine.loggers.base import Logger
    from yolo.engine.trainer import Trainer


MAX_SIDE = 1280  # pixels, of logged images; the files in the run folder keep their size


class RunLogging(Callback):
    """Calls loggers.

    Args:
        loggers: by name.
        settings: of the run, by name.
        folder: of the run; its `train_batch*.jpg` are logged at the start.
        draw: model -> images of its predictions by name, (H, W, 3), BGR; called in the thread, with a copy.
        period: epochs between two of these; 0: none.
    """

    def __init__(
        self,
        loggers: Mapping[str, Logger],
        *,
        settings: Mapping[str, Any],
        folder: Path,
        draw: Callable[[nn.Module], dict[str, npt.NDArray[np.uint8]]],
        period: int,
    ) -> None:
        self.loggers = loggers
        self.settings = settings
        self.folder = folder
        self.draw = draw
        self.period = period
        self.run_ids: dict[str, str] = {}
        self._thread = ThreadPoolExecutor(1, "logging")
        self._pending: list[Future[None]] = []

    def on_train_start(self, trainer: Trainer) -> None:
        epoch = trainer.state.epoch
        for name, each in self.loggers.items():
            self.run_ids[name] = each.open(epoch=epoch, run_id=self.run_ids.get(name, ""))
        if trainer.state.step:
            return
        for each in self.loggers.values():
            each.log_settings(self.settings)
        batches = sorted(self.folder.glob("train_batch*.jpg"))
        self._log_images({path.stem: cv2.imread(str(path)) for path in batches}, epoch)

    def on_epoch_end(self, trainer: Trainer, record: Mapping[str, float]) -> None:
        self._raise_failures()
        epoch, numbers = trainer.state.epoch, dict(record)
        model = copy.deepcopy(trainer.ema.model) if self.period and epoch % self.period == 0 else None

        def log_epoch() -> None:
            for each in self.loggers.values():
                each.log(numbers, epoch)
            if model is not None:
                with trainer.precision.full():
                    self._log_images(self.draw(model), epoch)

        self._pending.append(self._thread.submit(log_epoch))

    def on_train_end(self, trainer: Trainer) -> None:
        self._thread.shutdown()
        failed = not trainer.stop_reason and trainer.state.epoch < trainer.epochs
        for each in self.loggers.values():
            each.close(failed=failed)
        self._raise_failures()

    def state_dict(self) -> dict[str, Any]:
        return {"run_ids": dict(self.run_ids)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.run_ids = dict(state["run_ids"])

    def _raise_failures(self) -> None:
        """Raise an error that occurred in the thread."""
        done = [each for each in self._pending if each.done()]
        self._pending = [each for each in self._pending if not each.done()]
        for each in done:
            each.result()

    def _log_images(self, images: Mapping[str, Any], epoch: int) -> None:
        for name, image in images.items():
            scale = min(1.0, MAX_SIDE / max(image.shape[:2]))
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            for each in self.loggers.values():
                each.log_image(name, cv2.cvtColor(small, cv2.COLOR_BGR2RGB), epoch)
