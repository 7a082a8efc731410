"""Evaluation of the averaged model after each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.distributed import broadcast_module
from yolo.engine.callback import Callback

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from yolo.engine.trainer import Trainer


class Evaluation(Callback):
    """Adds the scores of the averaged model to the epoch's record.

    Args:
        evaluate: model -> scores by name.
        only_last: after the run's last epoch alone.
    """

    def __init__(self, evaluate: Callable[[nn.Module], dict[str, float]], *, only_last: bool = False) -> None:
        self.evaluate = evaluate
        self.only_last = only_last

    def on_epoch_end(self, trainer: Trainer) -> None:
        if self.only_last and trainer.state.epoch < trainer.epochs:
            return
        broadcast_module(trainer.ema.model)  # its running statistics are each process's own
        with trainer.precision.full():
            trainer.record |= self.evaluate(trainer.ema.model)
