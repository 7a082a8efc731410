"""Evaluation of the averaged model after each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.engine.callback import Callback

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from yolo.engine.trainer import Trainer


class Evaluation(Callback):
    """Adds the scores of the averaged model to the epoch's record.

    Args:
        evaluate: model -> scores by name.
    """

    def __init__(self, evaluate: Callable[[nn.Module], dict[str, float]]) -> None:
        self.evaluate = evaluate

    def on_epoch_end(self, trainer: Trainer) -> None:
        with trainer.precision.full():
            trainer.record |= self.evaluate(trainer.ema.model)
