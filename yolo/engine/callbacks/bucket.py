"""A second place for the run's files, which outlives the machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from yolo.engine.callback import Callback
from yolo.storage import mirror

if TYPE_CHECKING:
    from yolo.engine.trainer import Trainer


class Bucket(Callback):
    """Copies the run's folder after each epoch, and where the run ends; comes last, when the epoch's files are written.

    Args:
        folder: of the run.
        bucket: the folder that gets a copy of it.
    """

    def __init__(self, folder: Path, bucket: str) -> None:
        self.folder = folder
        self.target = Path(bucket).expanduser() / folder.name

    def on_epoch_end(self, trainer: Trainer) -> None:
        del trainer
        mirror(self.folder, self.target)

    def on_train_end(self, trainer: Trainer) -> None:
        del trainer
        mirror(self.folder, self.target)
