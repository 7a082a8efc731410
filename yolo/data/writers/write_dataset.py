"""Write images and labels with a format's writer."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from yolo.data.index import Record
    from yolo.data.writers.dataset_writer import DatasetWriter


def write_dataset(
    writer: DatasetWriter,
    records: Collection[Record],
    splits: Mapping[str, Sequence[Path]],
    names: Mapping[Path, str],
    *,
    link: bool,
) -> None:
    """Write a whole data set.

    Args:
        writer: of the format, in the new folder.
        records: the images and their boxes, each image once.
        splits: split -> its images.
        names: image -> its file name in the new folder.
        link: link to the images instead of copying them.
    """
    first_split = {path: split for split, paths in reversed(list(splits.items())) for path in paths}
    for record in progress(records, "write", unit=" images", delay=1):
        name, split = names[record.path], first_split[record.path]
        put_image(record.path, writer.image_path(name, split), link=link)
        writer.write_labels(name, split, record)
    for split, paths in splits.items():
        writer.write_split(split, [names[path] for path in paths])
    writer.finish()


def unique_names(images: Iterable[Path]) -> dict[Path, str]:
    """Return a file name for each image, unique without its suffix and ignoring case: `a.jpg`, then `a_2.jpg`, ..."""
    taken: set[str] = set()
    return {image: unique_stem(image.stem, taken) + image.suffix for image in images}


def unique_stem(stem: str, taken: set[str]) -> str:
    """Return the first of STEM, STEM_2, STEM_3, ... that is not taken, ignoring case, and add it to those taken."""
    unique, number = stem, 2
    while unique.lower() in taken:
        unique, number = f"{stem}_{number}", number + 1
    taken.add(unique.lower())
    return unique


def put_image(image: Path, target: Path, *, link: bool = False) -> None:
    """Copy an image, byte for byte, or link to it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
        target.symlink_to(image.resolve())
    else:
        shutil.copyfile(image, target)
