"""TensorBoard events: the same numbers under the same names as results.csv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.utils.tensorboard import SummaryWriter

from yolo.engine.callback import Callback

if TYPE_CHECKING:
    from pathlib import Path

    from yolo.engine.trainer import Trainer


class TensorBoard(Callback):
    """Writes scalars, one point an epoch.

    Args:
        folder: where the event file goes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_start(self, trainer: Trainer) -> None:
        """Open the event file; points of epochs that a resumed run trains again are hidden."""
        self.writer = SummaryWriter(str(self.folder), purge_step=trainer.state.epoch + 1)

    def on_epoch_end(self, trainer: Trainer) -> None:
        for name, value in trainer.record.items():
            self.writer.add_scalar(name, value, trainer.state.epoch)

    def on_train_end(self, trainer: Trainer) -> None:
        del trainer
        self.writer.close()
