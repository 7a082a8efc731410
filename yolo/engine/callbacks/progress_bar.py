"""A progress bar per epoch."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

from yolo.engine.callback import Callback
from yolo.engine.memory import GIB, memory_used

if TYPE_CHECKING:
    import torch

    from yolo.engine.trainer import Trainer

LOG_INTERVAL_S = 10.0  # between two lines of a bar in a log file


class ProgressBar(Callback):
    """Shows losses, memory, image size, images per second and the time left, on stderr.

    Args:
        image_size: longer side of the network input, pixels, unless the trainer varies it.
        device: whose memory is shown; on a CPU that of the process.
    """

    def __init__(self, image_size: int, device: torch.device) -> None:
        self.image_size = image_size
        self.device = device
        self.bar: tqdm[NoReturn] | None = None

    def on_epoch_start(self, trainer: Trainer) -> None:
        epoch = f"epoch {trainer.state.epoch + 1}/{trainer.epochs}"
        interval = 0.1 if sys.stderr.isatty() else LOG_INTERVAL_S
        total, done = len(trainer.loader), trainer.state.batches
        self.bar = tqdm(total=total, initial=done, desc=epoch, unit="batch", dynamic_ncols=True, mininterval=interval)
        self.start = time.perf_counter()
        self.images_before = trainer.state.images_seen

    def on_step_end(self, trainer: Trainer) -> None:
        assert self.bar is not None
        done = trainer.state.batches
        is_last = done == len(trainer.loader)
        if self.bar.update(done - self.bar.n) or is_last:  # true if the bar is due for a refresh
            self.bar.set_postfix_str(self._text(trainer))
        if is_last:
            self.bar.close()

    def on_train_end(self, trainer: Trainer) -> None:
        del trainer
        if self.bar is not None:
            self.bar.close()

    def _text(self, trainer: Trainer) -> str:
        losses = " ".join(f"{name} {value:.3g}" for name, value in trainer.losses.items())
        images = trainer.state.images_seen - self.images_before
        rate = images / (time.perf_counter() - self.start)
        size = trainer.size or self.image_size
        return f"{losses} | {memory_used(self.device) / GIB:.1f} GiB {size} px {rate:.1f} img/s"
