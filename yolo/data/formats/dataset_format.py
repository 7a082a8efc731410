"""The interface of data-set formats: class names, splits, and the images and labels of a split."""

from __future__ import annotations

import logging
import os
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from yolo.data import index_cache as cache
from yolo.data.formats.sizes import read_sizes
from yolo.data.formats.valid_boxes import BoxCleaner
from yolo.data.index import Index
from yolo.data.label_meaning import likely_meaning
from yolo.errors import DataError
from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from yolo.data.labels import Labels

_log = logging.getLogger(__name__)

MIN_CACHED = 1000  # images; fewer are read within a second


class DatasetFormat(ABC):
    """A data set on disk. A new format is one subclass and one entry in `yolo.data.formats.open_dataset.FORMATS`."""

    has_fraction_rows: ClassVar[bool] = False  # labels are YOLO text, which people write in other units and orders too
    accepts: ClassVar[str]  # values of --data that this format takes, for messages
    path: Path
    names: tuple[str, ...]  # class names; class ids are their positions
    splits: tuple[str, ...]  # names of the splits

    @classmethod
    @abstractmethod
    def matches(cls, path: Path) -> bool:
        """Return whether an existing file or folder has this format, judging by its name and contents."""

    def __init__(self, path: Path) -> None:
        """Read the description; images and labels are read later."""
        self._opened_ns = time.time_ns()
        self.path = path

    @abstractmethod
    def origins(self, split: str) -> Sequence[Path]:
        """Return the files and folders that `names`, `splits` and `images(split)` depend on, existing or not."""

    @abstractmethod
    def iterate_images(self, split: str) -> Iterator[Path | DataError]:
        """Yield the existing images of a split in its order, and an error for each missing one.

        Raises:
            DataError: the description of the split cannot be read.
        """

    @abstractmethod
    def label_files(self, image: Path) -> Sequence[Path]:
        """Return the files besides `origins` that may hold the labels of an image, existing or not."""

    @abstractmethod
    def read_labels(self, image: Path, width: int, height: int) -> tuple[Labels | None, list[DataError]]:
        """Read the labels of an image of width x height pixels.

        Returns:
            The labels, or None if there is no label file, and an error for each object that cannot be read.

        Raises:
            DataError: the label file cannot be read.
        """

    def take_readable_names(self) -> None:
        """Take the class names from the files that can be read; for formats where `names` fails at any other file."""
        return

    def find_label_files(self, used: Collection[Path]) -> list[Path]:
        """Return the files that look like labels of this data set, also those without an image; none: not known.

        Args:
            used: the label files of images.
        """
        del used
        return []

    def images(self, split: str) -> list[Path]:
        """Return the images of a split in its order; all exist.

        Raises:
            DataError: the split lists an image that does not exist.
        """
        images = []
        for entry in self.iterate_images(split):
            if isinstance(entry, DataError):
                raise entry
            images.append(entry)
        return images

    def labels(self, image: Path, width: int, height: int) -> Labels | None:
        """Return the labels of an image of width x height pixels, or None if there is no label file.

        Raises:
            DataError: the label file has a mistake.
        """
        labels, errors = self.read_labels(image, width, height)
        if errors:
            raise errors[0]
        return labels

    def coco_ids(self, split: str) -> tuple[Sequence[int], Sequence[int]]:
        """Return the COCO ids of images and classes, in the order of the index of a split.

        They come from the COCO file of the data set; otherwise they count from 1, as in files that
        `python -m yolo.data convert` writes.
        """
        return range(1, len(self.images(split)) + 1), range(1, len(self.names) + 1)

    def index(self, split: str) -> Index:
        """Read a split: image sizes from their headers, boxes clipped to them, empty boxes dropped.

        The result is cached (`yolo.data.index_cache`) and read again if anything on disk has changed.

        Raises:
            DataError: the split does not exist or is empty, or an image or label file has a mistake.
        """
        if split not in self.splits:
            known = ", ".join(self.splits) or "none"
            raise DataError(
                f"{self.path}: no split '{split}'; it has: {known}; `python -m yolo.data split` divides a data set"
            )
        origins = [str(path) for path in self.origins(split)]
        entry = cache.entry_path(type(self).__name__, os.path.abspath(self.path), os.getcwd(), split, *origins)  # noqa: PTH100, PTH109
        reading = cache.load(entry)
        if reading is None:
            trace = cache.Trace.take(origins)
            images = self.images(split)
            if len(images) >= MIN_CACHED:
                trace = trace.join(self._trace(images))
            reading = self._read(split, images)
            if len(images) >= MIN_CACHED:
                cache.store(entry, reading, trace, self._opened_ns)
        for level, message in reading.messages:
            _log.log(level, "%s", message)
        self.names = reading.index.names  # some formats know them only after reading every file
        return reading.index

    def _trace(self, images: Sequence[Path]) -> cache.Trace:
        bar = progress(images, "find labels", unit=" files", delay=1)
        return cache.Trace.take([str(path) for image in bar for path in (image, *self.label_files(image))])

    def _read(self, split: str, images: Sequence[Path]) -> cache.Reading:
        if not images:
            known = ", ".join(self.splits)
            raise DataError(f"{self.path}: the split '{split}' has no images; fill it, or use another of: {known}")
        sizes = read_sizes(images)
        title = f"{self.path}: split '{split}'"
        cleaner = BoxCleaner(title)
        records = []
        rows: list[tuple[Labels, tuple[int, int]]] = []
        num_unlabelled = 0
        sized = zip(images, sizes, strict=True)
        for image, (width, height) in progress(sized, "read labels", total=len(images), unit=" files", delay=1):
            labels = self.labels(image, width, height)
            num_unlabelled += labels is None
            if labels and self.has_fraction_rows:
                rows.append((labels, (width, height)))
            records.append(cleaner.record(image, width, height, labels))
        self._require_fractions(split, rows)
        messages = [(logging.WARNING, message) for message in cleaner.messages()]
        if num_unlabelled:
            count = f"{num_unlabelled} of {len(images)} images have no label file: they count as background"
            messages.append((logging.INFO, f"{title}: {count}"))
        return cache.Reading(Index.from_records(self.names, records), tuple(messages))

    def _require_fractions(self, split: str, rows: Sequence[tuple[Labels, tuple[int, int]]]) -> None:
        """Refuse a split whose rows mean something else than their format says."""
        meaning = likely_meaning([labels for labels, _ in rows], [size for _, size in rows])
        if meaning is None:
            return
        first = next(labels.where(0) for labels, _ in rows if labels.lines)
        fix = f"; `python -m yolo.data check {self.path} --fix OUT` writes a copy in it" if meaning.is_known else ""
        raise DataError(
            f"{first}: most rows of split '{split}' look like {meaning.title}, not like the format's "
            f"'class cx cy width height' in fractions of the image{fix}"
        )
