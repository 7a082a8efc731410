"""Further places for the run's files, which outlive the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.engine.callback import Callback
from yolo.remote.upload import Uploader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolo.engine.trainer import Trainer


class Bucket(Callback):
    """Uploads what the run writes, in the background; comes last, when an epoch's files are written.

    A run that is stopped or fails ends when all is uploaded; one that is done may write more, and calls `finish` then.

    Args:
        folder: of the run.
        targets: URLs, and folders of this machine, that get a copy of it.
        watched: the file whose change within an epoch is uploaded too, by name.
    """

    def __init__(self, folder: Path, targets: Sequence[str], watched: str = "last.pt") -> None:
        self.uploaders = [Uploader(folder, target) for target in targets]
        self.watched = folder / watched
        self.complete: list[str] = []  # the targets that had everything when `finish` was called last
        self._seen = 0

    def on_train_start(self, trainer: Trainer) -> None:
        """Nobody is to learn after a day of training that nothing can be written there."""
        del trainer
        for uploader in self.uploaders:
            uploader.begin()
        self._seen = self._time()

    def on_step_end(self, trainer: Trainer) -> None:
        del trainer
        if self._time() != self._seen:
            self._sync()

    def on_epoch_end(self, trainer: Trainer) -> None:
        del trainer
        self._sync()

    def on_train_end(self, trainer: Trainer) -> None:
        if trainer.state.epoch < trainer.epochs:
            self.finish()
        else:
            self._sync()

    def finish(self) -> None:
        """Wait until all is uploaded, and warn of what could not be."""
        self.complete = [uploader.target for uploader in self.uploaders if uploader.finish()]

    def _sync(self) -> None:
        self._seen = self._time()
        for uploader in self.uploaders:
            uploader.sync()

    def _time(self) -> int:
        return self.watched.stat().st_mtime_ns if self.watched.is_file() else 0
