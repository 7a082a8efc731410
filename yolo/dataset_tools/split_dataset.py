"""Split a data set into train, val and test: write a new description, without changing any file."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolo.data.formats.no_labels import require_labels
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.formats.yolo_text import YoloTextFormat
from yolo.data.writers import CocoWriter
from yolo.data.writers.darknet_writer import write_description
from yolo.data.writers.dataset_writer import write_text
from yolo.dataset_tools.convert_dataset import unique_records
from yolo.dataset_tools.duplicates import group_identical
from yolo.dataset_tools.stratify import stratify
from yolo.errors import SettingsError, require_ranges
from yolo.storage import atomic_folder, require_absent
from yolo.text_table import align_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from yolo.data.index import Record

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitDatasetSettings:
    """Split a data set into train, val and test, each with its share of every class."""

    data: str
    """Data set to split, in any format; the images of all its splits are taken together."""
    out: Path
    """Folder for the new description; it must not exist."""
    of: tuple[str, ...] = ()
    """Split only the images of these splits; the others stay as they are."""
    val: float = 0.2
    """Share of the images for val."""
    test: float = 0.0
    """Share of the images for test."""
    seed: int = 0
    """Seed of the random assignment."""

    def __post_init__(self) -> None:
        for flag, part in (("--val", self.val), ("--test", self.test)):
            if not 0 <= part < 1:
                raise SettingsError(f"{flag} {part}: not a share of the images; give a number from 0 to below 1")
        if not 0 < self.val + self.test < 1:
            raise SettingsError(f"--val {self.val} --test {self.test}: must leave something for each; sum below 1")
        require_ranges(self, seed=(0, 2**32 - 1))

    @property
    def fractions(self) -> dict[str, float]:
        """Share of the images of each new split that has any."""
        parts = {"train": 1 - self.val - self.test, "val": self.val, "test": self.test}
        return {name: part for name, part in parts.items() if part > 0}


def split_dataset(settings: SplitDatasetSettings) -> None:
    """Write lists of the images of each new split, and print a table of their contents.

    Images of the same content are never in two splits. Labels in YOLO's text format are not moved; those of VOC and
    COCO are written into new COCO files, whose images are not moved either.

    Raises:
        DataError: the data set has a mistake.
        SettingsError: a split would have no image, or the folder exists.
    """
    out = settings.out.expanduser()
    require_absent("--out", out)
    source = open_dataset(settings.data)
    unknown = [name for name in settings.of if name not in source.splits]
    if unknown:
        raise SettingsError(f"--of {unknown[0]}: {source.path} has no such split; it has: {', '.join(source.splits)}")
    taken = settings.of or source.splits
    kept = [name for name in source.splits if name not in taken]
    for name in kept:
        if name in settings.fractions:
            remedy = "take it too" if name == "train" else f"take it too, or set --{name} 0"
            raise SettingsError(f"--of {' '.join(taken)}: '{name}' is a split already; {remedy}")
    indices = [source.index(name) for name in taken]
    require_labels(source, indices)
    records = unique_records(indices)
    parts = _assign(sorted(records.values(), key=lambda record: record.path), settings)
    parts |= {name: list(source.index(name).records()) for name in kept}
    with atomic_folder(out) as folder:
        write = _write_lists if isinstance(source, YoloTextFormat) else _write_coco
        described = write(folder, out.name, source.names, parts)
    sys.stdout.write(format_counts(source.names, parts) + "\n")
    _log.info("wrote %s", out / described)


def format_counts(names: Sequence[str], parts: Mapping[str, Sequence[Record]]) -> str:
    """Return a table of images, images without objects, and boxes of each class, in each split."""
    rows = [["", *parts], ["images", *(str(len(records)) for records in parts.values())]]
    rows.append(["background", *(str(sum(not len(r.class_ids) for r in records)) for records in parts.values())])
    boxes = [_count_boxes(records, len(names)).sum(axis=0) for records in parts.values()]
    total = np.sum(boxes, axis=0)
    for class_id, name in enumerate(names):
        if total[class_id]:
            percents = (f"{count[class_id]} ({count[class_id] / total[class_id]:4.0%})" for count in boxes)
            rows.append([name, *percents])
    return "\n".join(align_columns(rows))


def _assign(records: Sequence[Record], settings: SplitDatasetSettings) -> dict[str, list[Record]]:
    """Return the images of each new split, in the given order."""
    fractions = settings.fractions
    groups = group_identical([record.path for record in records])
    num_copies = len(records) - len(groups)
    if num_copies:
        _log.info("%d of %d images are copies of others: they stay in the same part", num_copies, len(records))
    num_classes = 1 + max((int(r.class_ids.max(initial=-1)) for r in records), default=-1)
    boxes = _count_boxes(records, num_classes)
    units = np.array([boxes[group].sum(axis=0) for group in groups], np.int64).reshape(len(groups), num_classes)
    sizes = np.array([len(group) for group in groups], np.int64)
    chosen = stratify(units, sizes, list(fractions.values()), np.random.default_rng(settings.seed))
    parts: dict[str, list[Record]] = {}
    for number, name in enumerate(fractions):
        members = sorted(i for group, part in zip(groups, chosen, strict=True) if part == number for i in group)
        if not members:
            raise SettingsError(f"--{name}: of {len(records)} images none is left for '{name}'; choose another part")
        parts[name] = [records[i] for i in members]
    return parts


def _count_boxes(records: Sequence[Record], num_classes: int) -> npt.NDArray[np.int64]:
    """Return (U, C), the number of boxes of each class in each image, without ignored ones."""
    counts = [np.bincount(r.class_ids[~r.ignore], minlength=num_classes) for r in records]
    return np.array(counts, np.int64).reshape(len(records), num_classes)


def _write_lists(folder: Path, title: str, names: Sequence[str], parts: Mapping[str, Sequence[Record]]) -> str:
    for name, records in parts.items():
        write_text(folder / f"{name}.txt", [f"{record.path.absolute()}\n" for record in records])
    write_description(folder, title, names, list(parts))
    return f"{title}.data"


def _write_coco(folder: Path, title: str, names: Sequence[str], parts: Mapping[str, Sequence[Record]]) -> str:
    writer = CocoWriter(folder, title, names)
    for name, records in parts.items():
        for record in records:
            writer.write_labels(str(record.path.absolute()), name, record)
        writer.write_split(name, [str(record.path.absolute()) for record in records])
    writer.finish()
    return ""
