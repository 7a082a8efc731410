"""Upload the files of a folder to a store in a background thread, despite failures of the network."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from yolo.errors import StorageError
from yolo.log import progress
from yolo.remote.open_store import open_store
from yolo.remote.retry import PAUSES_S
from yolo.remote.snapshots import Snapshots
from yolo.urls import join_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

RETRY_PAUSE_S = 30.0  # pause after a failed upload while the run goes on
POLL_S = 0.1


class Uploader:
    """Keeps a copy of a local folder in a store.

    A snapshot of each new or changed file is queued; it replaces an older one that still waits. One thread uploads the
    queue. A file that cannot be written is queued again, until `finish`, which gives up after a minute without success.

    Args:
        folder: the local folder.
        target: URL or local folder of the copy.
    """

    def __init__(self, folder: Path, target: str) -> None:
        self.folder = folder
        self.target = target
        self._store = open_store(target)
        self._snapshots = Snapshots(folder, target)
        self._uploaded: set[str] = set()  # names of files that this object has written
        self._changed = threading.Condition()  # guards the attributes below
        self._waiting: dict[str, Path] = {}  # name -> snapshot, in the order of the queue
        self._failed: dict[str, str] = {}  # name -> error message
        self._thread: threading.Thread | None = None  # None while the queue is empty
        self._finishing = False
        self._has_warned = False  # the last file could not be written, and a warning was logged
        self._gave_up = False  # the last file could not be written during `finish`

    def begin(self) -> None:
        """Queue all files, and write the first one before returning, to find a wrong target early.

        Raises:
            StorageError: the first file cannot be written.
        """
        self._queue()
        with self._changed:
            name = next(iter(self._waiting), None)
            snapshot = self._waiting.pop(name) if name else None
        if name and snapshot:
            self._write(name, snapshot)
        self._start()

    def sync(self) -> None:
        """Queue new and changed files without waiting for them."""
        self._queue()
        self._start()

    def finish(self) -> bool:
        """Queue new and changed files, wait until all are written, and log those that cannot be.

        Returns:
            True if all files were written.
        """
        self._queue()
        with self._changed:
            self._failed = {}
            self._finishing, self._gave_up = True, False
            self._changed.notify_all()
        self._start()
        try:
            self._wait()
        finally:
            with self._changed:
                self._finishing = False
                missing = dict.fromkeys(self._waiting, "the program was interrupted") | self._failed
                self._waiting = {}
            self._report(missing)
        self._snapshots.clear()
        return not missing

    def _queue(self) -> None:
        for name, snapshot in self._snapshots.take():
            with self._changed:
                replaced = self._waiting.get(name)
                self._waiting[name] = snapshot
            if replaced:
                replaced.unlink()

    def _start(self) -> None:
        with self._changed:
            if self._waiting and self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"upload to {self.target}", daemon=True)
                self._thread.start()

    def _wait(self) -> None:
        with self._changed:
            total = len(self._waiting)
        with progress(total=total, desc=f"upload to {self.target}", unit=" files", delay=1) as bar, self._changed:
            while self._thread is not None:
                self._changed.wait(POLL_S)
                if done := total - len(self._waiting) - bar.n:
                    bar.update(done)

    def _work(self) -> None:
        """Write queued files until the queue is empty."""
        try:
            while True:
                with self._changed:
                    if not self._waiting:
                        return
                    name = next(iter(self._waiting))
                    snapshot = self._waiting.pop(name)
                    pauses_s = () if self._gave_up else PAUSES_S
                try:
                    self._write(name, snapshot, pauses_s)
                except StorageError as error:
                    self._requeue(name, snapshot, error)
                else:
                    self._reset_failures()
        finally:
            with self._changed:
                self._thread = None
                self._changed.notify_all()

    def _write(self, name: str, snapshot: Path, pauses_s: Sequence[float] = PAUSES_S) -> None:
        url = join_url(self.target, name)
        if name in self._uploaded or not self._store.has_copy(snapshot, url, pauses_s):
            self._store.put(snapshot, url, pauses_s)
        self._uploaded.add(name)
        snapshot.unlink(missing_ok=True)

    def _requeue(self, name: str, snapshot: Path, error: StorageError) -> None:
        """Queue a file again that could not be written, unless a newer snapshot waits or this is the end."""
        with self._changed:
            if self._finishing:
                self._failed[name] = str(error)
                self._gave_up = True
                return
            if self._waiting.setdefault(name, snapshot) != snapshot:
                snapshot.unlink(missing_ok=True)
            if not self._has_warned:
                logger.warning("%s; the run goes on, and the upload is retried", error)
            self._has_warned = True
            self._changed.wait_for(lambda: self._finishing, RETRY_PAUSE_S)

    def _reset_failures(self) -> None:
        with self._changed:
            if self._has_warned:
                logger.info("%s: can be written again", self.target)
            self._has_warned = self._gave_up = False

    def _report(self, missing: Mapping[str, str]) -> None:
        for name in missing:
            self._snapshots.forget(name)
        if missing:
            names = ", ".join(sorted(missing))
            logger.warning(
                "%d files of %s are not in %s: %s (%s); they are kept; upload them with: python -m yolo.remote %s %s",
                len(missing), self.folder, self.target, names, next(iter(missing.values())), self.folder, self.target,
            )  # fmt: skip
