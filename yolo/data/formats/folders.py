"""Read folders: the images below them, class names that lie in them, and which split a name means."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.darknet.data_file import read_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_log = logging.getLogger(__name__)

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")  # what a folder is searched for
ALL = "all"  # the split of a data set that has none
SPLIT_WORDS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


def find_files(folder: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> list[Path]:
    """All files of these suffixes (images) in a folder and below it, sorted; hidden ones do not count."""
    found = []
    for place, files in _walk(folder):
        found += [Path(place, name) for name in files if name.lower().endswith(suffixes) and name[0] != "."]
    return sorted(found)


def find_folders(folder: Path) -> list[Path]:
    """A folder and those below it: the times of these change whenever a file comes or goes."""
    return sorted(Path(place) for place, _ in _walk(folder)) or [folder]


def split_of(name: str) -> str | None:
    """The split that the name of a file means: `instances_train2017` is train, `valid` is val."""
    words = re.findall("[a-z]+", name.lower())
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)


def split_of_folder(name: str) -> str | None:
    """The split that a folder is: as `split_of`, but `test-drive` is none."""
    return split_of(name) if re.fullmatch(r"[a-z]+[\W_]*\d*", name.lower()) else None


def split_folders(folder: Path) -> dict[str, Path]:
    """The sub-folders that are splits (`train`, `val2017`, ...), train first."""
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        split = split_of_folder(path.name)
        if split:
            found.setdefault(split, path)
    return train_first(found)


def train_first(splits: Mapping[str, Path]) -> dict[str, Path]:
    """Splits in the order train, val, test, then the others."""
    order = list(dict.fromkeys(SPLIT_WORDS.values()))
    return dict(sorted(splits.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def names_files(folder: Path) -> list[Path]:
    """The files that may hold class names: `classes.txt`, `labels.txt`, `*.names`."""
    files = [folder / "classes.txt", folder / "labels.txt", *sorted(folder.glob("*.names"))]
    return [p for p in files if p.is_file()]


def read_folder_names(folder: Path) -> tuple[str, ...] | None:
    """Class names from the one file of `names_files`; None if there is none, or more than one.

    Raises:
        DataError: the file cannot be read or holds no name.
    """
    files = names_files(folder)
    if len(files) == 1:
        return read_names(files[0])
    if files:
        names = ", ".join(p.name for p in files)
        _log.warning("%s: has %s: none is used for the class names; keep one", folder, names)
    return None


def _walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Each folder once, links followed, with the names of its files."""
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if name[0] != "."]
        yield place, files
