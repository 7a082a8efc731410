"""Brings a folder's files to a store in the background, file after file, however often the network fails."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from yolo.errors import StorageError
from yolo.log import progress
from yolo.remote.retry import PAUSES_S
from yolo.remote.snapshots import Snapshots
from yolo.remote.stores import open_store
from yolo.urls import join

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

REST_S = 30.0  # after a file that could not be written, before the next attempt, while the run goes on
LOOK_S = 0.1  # between two looks at a queue that is waited for


class Uploader:
    """Keeps a copy of a folder in a store.

    A file is queued as it is at that moment; of one that waits in the queue already, the newer content takes the place.
    One thread works on the queue. What cannot be written goes back to its end, until `finish`, which gives up after a
    minute without success.

    Args:
        folder: of this machine.
        target: URL, or folder of this machine, that gets the copy.
    """

    def __init__(self, folder: Path, target: str) -> None:
        self.folder = folder
        self.target = target
        self._store = open_store(target)
        self._snapshots = Snapshots(folder, target)
        self._known: set[str] = set()  # names that this object has written
        self._changed = threading.Condition()  # guards what follows
        self._waiting: dict[str, Path] = {}  # name -> its snapshot, in the order of the queue
        self._failed: dict[str, str] = {}  # name -> why it was given up
        self._thread: threading.Thread | None = None  # works on the queue; none while it is empty
        self._finishing = False
        self._in_trouble = False  # the last file could not be written, and that was said
        self._gave_up = False  # nor could the last one of those that `finish` waits for

    def begin(self) -> None:
        """Queue all files, and write the first of them at once.

        Raises:
            StorageError: it cannot be written, so that no other would be.
        """
        self._queue()
        with self._changed:
            name = next(iter(self._waiting), None)
            snapshot = self._waiting.pop(name) if name else None
        if name and snapshot:
            self._write(name, snapshot)
        self._start()

    def sync(self) -> None:
        """Queue what is new or changed; returns at once."""
        self._queue()
        self._start()

    def finish(self) -> bool:
        """Queue what is new or changed, wait until all is written, and say what could not be.

        Returns:
            Whether everything is there.
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
                left = dict.fromkeys(self._waiting, "the program was interrupted") | self._failed
                self._waiting = {}
            self._report(left)
        self._snapshots.clear()
        return not left

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
                self._changed.wait(LOOK_S)
                if done := total - len(self._waiting) - bar.n:
                    bar.update(done)

    def _work(self) -> None:
        """Write what waits, until nothing does."""
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
                    self._put_back(name, snapshot, error)
                else:
                    self._all_well()
        finally:
            with self._changed:
                self._thread = None
                self._changed.notify_all()

    def _write(self, name: str, snapshot: Path, pauses_s: Sequence[float] = PAUSES_S) -> None:
        url = join(self.target, name)
        if name in self._known or not self._store.holds(snapshot, url, pauses_s):
            self._store.put(snapshot, url, pauses_s)
        self._known.add(name)
        snapshot.unlink(missing_ok=True)

    def _put_back(self, name: str, snapshot: Path, error: StorageError) -> None:
        """Keep what could not be written for later, unless there is something newer by now, or no later."""
        with self._changed:
            if self._finishing:
                self._failed[name] = str(error)
                self._gave_up = True
                return
            if self._waiting.setdefault(name, snapshot) != snapshot:
                snapshot.unlink(missing_ok=True)
            if not self._in_trouble:
                logger.warning("%s; the run goes on, and so do the attempts", error)
            self._in_trouble = True
            self._changed.wait_for(lambda: self._finishing, REST_S)

    def _all_well(self) -> None:
        with self._changed:
            if self._in_trouble:
                logger.info("%s: can be written again", self.target)
            self._in_trouble = self._gave_up = False

    def _report(self, left: Mapping[str, str]) -> None:
        for name in left:
            self._snapshots.forget(name)
        if left:
            names = ", ".join(sorted(left))
            logger.warning(
                "%d files of %s are not in %s: %s (%s); they are kept; bring them there: python -m yolo.remote %s %s",
                len(left), self.folder, self.target, names, next(iter(left.values())), self.folder, self.target,
            )  # fmt: skip
