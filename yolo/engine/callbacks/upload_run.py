"""Copies of the run folder in places that outlive the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.engine.callback import Callback
from yolo.remote.upload import Uploader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolo.engine.trainer import Trainer


class Upload(Callback):
    """Uploads the run folder in the background; the last of the callbacks, when the files of an epoch are written.

    A run that is stopped or fails waits for its uploads. A run that is complete may still write files, and then calls
    `finish`.

    Args:
        folder: of the run.
        targets: URLs, and local folders, that get a copy of it.
        watched: name of the file whose changes within an epoch are uploaded too.
    """

    def __init__(self, folder: Path, targets: Sequence[str], watched: str = "last.pt") -> None:
        self.uploaders = [Uploader(folder, target) for target in targets]
        self.watched = folder / watched
        self.complete: list[str] = []  # the targets that had every file at the last `finish`
        self._uploaded_time = 0

    def on_train_start(self, trainer: Trainer) -> None:
        """Fail at the start, not after a day of training, if a target cannot be written."""
        del trainer
        for uploader in self.uploaders:
            uploader.begin()
        self._uploaded_time = self._modified_time()

    def on_step_end(self, trainer: Trainer) -> None:
        del trainer
        if self._modified_time() != self._uploaded_time:
            self._sync()

    def on_epoch_end(self, trainer: Trainer, record: Mapping[str, float]) -> None:
        del trainer, record
        self._sync()

    def on_train_end(self, trainer: Trainer) -> None:
        if trainer.state.epoch < trainer.epochs:
            self.finish()
        else:
            self._sync()

    def finish(self) -> None:
        """Wait until everything is uploaded, and warn about what could not be."""
        self.complete = [uploader.target for uploader in self.uploaders if uploader.finish()]

    def _sync(self) -> None:
        self._uploaded_time = self._modified_time()
        for uploader in self.uploaders:
            uploader.sync()

    def _modified_time(self) -> int:
        return self.watched.stat().st_mtime_ns if self.watched.is_file() else 0
