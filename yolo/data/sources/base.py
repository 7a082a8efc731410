"""What every data-set format gives: class names, splits, and the pictures and labels of a split."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tqdm import tqdm

from yolo.data.index import Index
from yolo.data.sources.boxes import BoxCleaner
from yolo.data.sources.sizes import read_sizes
from yolo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolo.data.labels import Labels

_log = logging.getLogger(__name__)


class Source(ABC):
    """A data set on disk. A new format is one subclass, and one entry in `yolo.data.sources.opening.FORMATS`."""

    accepts: ClassVar[str]  # what a user may name, for messages
    path: Path
    names: tuple[str, ...]  # class names; class ids index this
    splits: tuple[str, ...]  # what `index` takes

    @classmethod
    @abstractmethod
    def matches(cls, path: Path) -> bool:
        """Whether an existing file or folder is of this format, judged by its name and a look inside."""

    @abstractmethod
    def __init__(self, path: Path) -> None:
        """Read the description, not yet the pictures or (where they can wait) the labels."""

    @abstractmethod
    def pictures(self, split: str) -> Sequence[Path]:
        """The pictures of a split, in its own order; all exist.

        Raises:
            DataError: the split lists a picture that does not exist.
        """

    @abstractmethod
    def labels(self, picture: Path, width: int, height: int) -> Labels | None:
        """The truth of a picture of width x height pixels, or None where no label file is.

        Raises:
            DataError: the label file has a mistake.
        """

    def index(self, split: str) -> Index:
        """Read one split: sizes from the headers of the pictures, boxes clipped to them, empty boxes left out.

        Raises:
            DataError: no such split, an empty one, or a mistake in a picture or label file.
        """
        known = ", ".join(self.splits) or "none"
        if split not in self.splits:
            raise DataError(f"{self.path}: no split '{split}'; it has: {known}")
        pictures = self.pictures(split)
        if not pictures:
            raise DataError(f"{self.path}: the split '{split}' has no pictures; fill it, or use another of: {known}")
        sizes = read_sizes(pictures)
        cleaner = BoxCleaner(f"{self.path}: split '{split}'")
        records = []
        num_bare = 0
        rows = zip(pictures, sizes, strict=True)
        for picture, (width, height) in tqdm(rows, "read labels", len(pictures), unit=" files", delay=1, leave=False):
            labels = self.labels(picture, width, height)
            num_bare += labels is None
            records.append(cleaner.record(picture, width, height, labels))
        cleaner.report()
        if num_bare:
            _log.info(
                "%s: split '%s': %d of %d images have no label file: they count as background",
                self.path, split, num_bare, len(pictures),
            )  # fmt: skip
        return Index.from_records(self.names, records)
