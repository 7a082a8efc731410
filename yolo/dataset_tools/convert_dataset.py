"""Writes a data set in another format: images are copied or linked, truth is written anew."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from yolo.data.formats.open_dataset import open_source
from yolo.dataset_tools.writers import WRITERS
from yolo.log import progress
from yolo.storage import atomic_folder, require_absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yolo.data.index import Index, Record

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert:
    """Write a data set in another format."""

    data: str
    """the data set to read: a .data file, data.yaml, VOC folder, COCO folder or JSON file, folder of images, name"""
    out: Path
    """the folder to write; it must not exist yet"""
    format: Literal["darknet", "yolo", "coco", "voc"] = "darknet"
    """the format to write; `yolo` is the one with a data.yaml"""
    link: bool = False
    """link to the images instead of copying them"""


def convert(settings: Convert) -> None:
    """Write all splits of a data set in another format; the folder appears when it is complete.

    An image that is in several splits is written once. Images of equal names from different folders are renamed.

    Raises:
        DataError: the data set has a mistake.
        SettingsError: the folder exists.
    """
    out = settings.out.expanduser()
    require_absent("--out", out)
    source = open_source(settings.data)
    indices = {split: source.index(split) for split in source.splits}
    records, homes = pool(indices)
    names = unique_names(records)
    with atomic_folder(out) as folder:
        writer = WRITERS[settings.format](folder, out.name, source.names)
        for record in progress(records.values(), "write", unit=" images", delay=1):
            name, split = names[record.path], homes[record.path]
            put_image(record.path, writer.image_path(name, split), link=settings.link)
            writer.write_truth(name, split, record)
        for split, index in indices.items():
            writer.write_list(split, [names[index.path(i)] for i in range(len(index))])
        writer.finish()
    _log.info("wrote %d images to %s", len(names), out)


def unique_names(images: Iterable[Path]) -> dict[Path, str]:
    """A file name for each image, unique without its suffix and without case: `a.jpg`, then `a_2.jpg`, ..."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for image in images:
        stem, number = image.stem, 2
        while stem.lower() in taken:
            stem, number = f"{image.stem}_{number}", number + 1
        taken.add(stem.lower())
        names[image] = stem + image.suffix
    return names


def pool(indices: Mapping[str, Index]) -> tuple[dict[Path, Record], dict[Path, str]]:
    """The images of all splits, each once, and the first split that each is in."""
    records: dict[Path, Record] = {}
    homes: dict[Path, str] = {}
    for split, index in indices.items():
        for record in index.records():
            records[record.path] = record
            homes.setdefault(record.path, split)
    return records, homes


def put_image(image: Path, target: Path, *, link: bool) -> None:
    """Copy an image, byte for byte, or link to it; the folder is made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
        target.symlink_to(image.resolve())
    else:
        shutil.copyfile(image, target)
