"""Write a data set in another format: images are copied or linked, labels are converted."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from yolo.data.formats.no_labels import require_labels
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.writers import WRITERS
from yolo.data.writers.write_dataset import unique_names, write_dataset
from yolo.storage import atomic_folder, require_absent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yolo.data.index import Index, Record

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertDatasetSettings:
    """Write a data set in another format."""

    data: str
    """Data set: a .data file, data.yaml, VOC or COCO folder, COCO .json, folder of images, or 'shapes'."""
    out: Path
    """Folder to write; it must not exist."""
    format: Literal["darknet", "yolo", "coco", "voc"] = "darknet"
    """Format to write; `yolo` is the one with a data.yaml."""
    link: bool = False
    """Link to the images instead of copying them."""


def convert_dataset(settings: ConvertDatasetSettings) -> None:
    """Write all splits of a data set in another format; the folder appears when it is complete.

    An image of several splits is written once. Images of equal names from different folders are renamed.

    Raises:
        DataError: the data set has a mistake.
        SettingsError: the folder exists.
    """
    out = settings.out.expanduser()
    require_absent("--out", out)
    source = open_dataset(settings.data)
    indices = {split: source.index(split) for split in source.splits}
    require_labels(source, indices.values())
    records = unique_records(indices.values())
    names = unique_names(records)
    splits = {split: [index.path(i) for i in range(len(index))] for split, index in indices.items()}
    with atomic_folder(out) as folder:
        writer = WRITERS[settings.format](folder, out.name, source.names)
        write_dataset(writer, records.values(), splits, names, link=settings.link)
    _log.info("wrote %d images to %s", len(names), out)


def unique_records(indices: Iterable[Index]) -> dict[Path, Record]:
    """Return the records of all splits, each image once, by path."""
    return {record.path: record for index in indices for record in index.records()}
