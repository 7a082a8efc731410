"""What a format that can be written has to know."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from yolo.data.labels import format_yolo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolo.data.index import Record

_log = logging.getLogger(__name__)


class Writer(ABC):
    """Writes a data set into an empty folder; an image's name is its file name in the new data set, and unique."""

    @abstractmethod
    def __init__(self, folder: Path, title: str, names: Sequence[str]) -> None:
        """Make the folders; `title` names the data set, `names` are its classes."""

    @abstractmethod
    def image_path(self, name: str, split: str) -> Path:
        """Where an image belongs; `split` is the first one that it is in."""

    @abstractmethod
    def write_truth(self, name: str, split: str, record: Record) -> None:
        """Write the objects of one image."""

    @abstractmethod
    def write_list(self, split: str, names: Sequence[str]) -> None:
        """Write which images are in a split; comes after their truth."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is known only at the end."""


class YoloTextFiles:
    """Label files in YOLO's text format, which cannot say that an object is to be ignored: such are counted."""

    def __init__(self) -> None:
        self._num_ignored = 0

    def write(self, path: Path, record: Record) -> None:
        """Write the file of one image, also if it has no objects."""
        keep = ~record.ignore
        self._num_ignored += int(record.ignore.sum())
        rows = format_yolo(record.boxes_xyxy[keep], record.class_ids[keep], (record.width, record.height))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, [rows])

    def report(self) -> None:
        """Say how many objects are left out."""
        if self._num_ignored:
            _log.warning(
                "%d objects to ignore (crowds, difficult ones) are left out: a label file cannot hold them; "
                "--format coco and voc can",
                self._num_ignored,
            )


def write_text(path: Path, lines: Sequence[str]) -> None:
    """Write lines, which have their ends, as UTF-8."""
    path.write_text("".join(lines), encoding="utf-8")
