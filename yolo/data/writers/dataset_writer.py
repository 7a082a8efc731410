"""The interface of a format that can be written."""

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


class DatasetWriter(ABC):
    """Writes a data set into an empty folder; the `name` of an image is its unique file name in there."""

    @abstractmethod
    def __init__(self, folder: Path, title: str, names: Sequence[str]) -> None:
        """Create the folders.

        Args:
            folder: an empty folder.
            title: the name of the data set.
            names: the class names.
        """

    @abstractmethod
    def image_path(self, name: str, split: str) -> Path:
        """Return the path of an image; `split` is the first split that contains it."""

    @abstractmethod
    def write_labels(self, name: str, split: str, record: Record) -> None:
        """Write the labels of one image."""

    @abstractmethod
    def write_split(self, split: str, names: Sequence[str]) -> None:
        """Write the list of images of a split; called after `write_labels` for all of them."""

    @abstractmethod
    def finish(self) -> None:
        """Write the files that are complete only at the end."""


class YoloLabelWriter:
    """Writes label files in YOLO's text format, which cannot mark objects as ignored: they are left out and counted."""

    def __init__(self) -> None:
        self._num_ignored = 0

    def write(self, path: Path, record: Record) -> None:
        """Write the label file of one image, even if it has no objects."""
        keep = ~record.ignore
        self._num_ignored += int(record.ignore.sum())
        rows = format_yolo(record.boxes_xyxy[keep], record.class_ids[keep], (record.width, record.height))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, [rows])

    def report(self) -> None:
        """Log how many objects were left out."""
        if self._num_ignored:
            _log.warning(
                "%d ignored objects (crowds, difficult) are left out: a YOLO label file cannot hold them; "
                "use --format coco or voc to keep them",
                self._num_ignored,
            )


def write_text(path: Path, lines: Sequence[str]) -> None:
    """Write lines, including their line ends, as UTF-8."""
    path.write_text("".join(lines), encoding="utf-8")
