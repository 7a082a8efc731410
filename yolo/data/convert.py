"""Writes a data set in another format: pictures are copied or linked, truth is written anew."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tqdm import tqdm

from yolo.data.folder import atomic_folder
from yolo.data.index import Record
from yolo.data.sources import open_source
from yolo.data.writers import WRITERS
from yolo.errors import DataError

if TYPE_CHECKING:
    from yolo.data.index import Index

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert:
    """Write a data set in another format."""

    data: str
    """the data set to read: a .data file, a VOC folder, or the name of a shipped one"""
    out: Path
    """the folder to write; it must not exist yet"""
    format: Literal["darknet", "voc"] = "darknet"
    """the format to write"""
    link: bool = False
    """link to the pictures instead of copying them"""


def convert(settings: Convert) -> None:
    """Write all splits of a data set in another format; the folder appears when it is complete.

    A picture that is in several splits is written once. Pictures of equal names from different folders are renamed.

    Raises:
        DataError: the data set has a mistake, or the folder exists.
    """
    out = settings.out.expanduser()
    if out.exists():
        raise DataError(f"--out {out}: exists already; remove it or choose another --out")
    source = open_source(settings.data)
    indices = {split: source.index(split) for split in source.splits}
    stems = unique_stems([index.path(i) for index in indices.values() for i in range(len(index))])
    writer = WRITERS[settings.format]
    with atomic_folder(out) as folder, tqdm(desc="write", total=len(stems), unit=" images", leave=False) as bar:
        truths = writer(folder, out.name, source.names)
        written: set[Path] = set()
        for split, index in indices.items():
            truths.write_list(split, [f"{stems[index.path(i)]}{index.path(i).suffix}" for i in range(len(index))])
            for record in _records(index):
                if record.path in written:
                    continue
                written.add(record.path)
                name = f"{stems[record.path]}{record.path.suffix}"
                _put_picture(record.path, truths.picture_path(name), link=settings.link)
                truths.write_truth(name, record)
                bar.update()
        truths.finish()
    _log.info("wrote %d images to %s", len(stems), out)


def unique_stems(pictures: list[Path]) -> dict[Path, str]:
    """A file name without suffix for each picture, unique even where case does not count: `a`, then `a_2`, ..."""
    stems: dict[Path, str] = {}
    taken: set[str] = set()
    for picture in pictures:
        if picture in stems:
            continue
        stem, number = picture.stem, 2
        while stem.lower() in taken:
            stem, number = f"{picture.stem}_{number}", number + 1
        taken.add(stem.lower())
        stems[picture] = stem
    return stems


def _records(index: Index) -> list[Record]:
    return [
        Record(index.path(i), *index.size(i), index.boxes_xyxy(i), index.class_ids(i), index.ignore(i))
        for i in range(len(index))
    ]


def _put_picture(picture: Path, target: Path, *, link: bool) -> None:
    if link:
        target.symlink_to(picture.resolve())
    else:
        shutil.copyfile(picture, target)
