"""Search folders for images and class names, and recognise splits by their names."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.darknet.data_file import read_names
from yolo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_log = logging.getLogger(__name__)

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")  # searched for in folders
ALL = "all"  # the name of the only split where a data set has none
SPLIT_WORDS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


def find_files(folder: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> list[Path]:
    """Return all files with these suffixes in a folder and its sub-folders, sorted, without hidden ones."""
    found = []
    for path, files in _walk(folder):
        found += [Path(path, name) for name in files if name.lower().endswith(suffixes) and name[0] != "."]
    return sorted(found)


def find_folders(folder: Path) -> list[Path]:
    """Return a folder and its sub-folders, whose modification times change when a file is added or removed."""
    return sorted(Path(path) for path, _ in _walk(folder)) or [folder]


def split_of(name: str) -> str | None:
    """Return the split that a file name contains: train in `instances_train2017`, val in `valid`; or None."""
    words = re.findall("[a-z]+", name.lower())
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)


def split_of_folder(name: str) -> str | None:
    """Return the split that a folder is named after: train for `train2017`, but None for `test-drive`."""
    return split_of(name) if re.fullmatch(r"[a-z]+[\W_]*\d*", name.lower()) else None


def split_folders(folder: Path) -> dict[str, Path]:
    """Return the sub-folders named after splits (`train`, `val2017`, ...), train first."""
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        split = split_of_folder(path.name)
        if split:
            found.setdefault(split, path)
    return train_first(found)


def train_first(splits: Mapping[str, Path]) -> dict[str, Path]:
    """Sort splits: train, val, test, then the others."""
    order = list(dict.fromkeys(SPLIT_WORDS.values()))
    return dict(sorted(splits.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def names_files(folder: Path) -> list[Path]:
    """Return the files that may hold class names: `classes.txt`, `labels.txt`, `_darknet.labels`, `*.names`."""
    named = [folder / name for name in ("classes.txt", "labels.txt", "_darknet.labels")]
    return [p for p in [*named, *sorted(folder.glob("*.names"))] if p.is_file()]


def read_folder_names(folders: Iterable[Path]) -> tuple[str, ...] | None:
    """Return the class names from the files of `names_files` in these folders, which must agree; None without a file.

    Raises:
        DataError: a file cannot be read or holds no name, or the files of two folders differ.
    """
    found = {file: names for folder in folders for file, names in _read_names_of(folder)}
    if not found:
        return None
    first = next(iter(found))
    for file, names in found.items():
        if names != found[first]:
            i = next((i for i, (a, b) in enumerate(zip(names, found[first], strict=False)) if a != b), None)
            text = f"has {len(names)} names, {first} {len(found[first])}" if i is None else f"line {i + 1} differs"
            raise DataError(f"{file}: does not name the same classes as {first} ({text}); make them equal")
    return found[first]


def _read_names_of(folder: Path) -> list[tuple[Path, tuple[str, ...]]]:
    """Return the only file of `names_files` and its names; nothing if there is none, or more than one."""
    files = names_files(folder)
    if len(files) == 1:
        return [(files[0], read_names(files[0]))]
    if files:
        names = ", ".join(p.name for p in files)
        _log.warning("%s: several files may hold the class names (%s), so none is used; keep one", folder, names)
    return []


def _walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder once, following links, with the names of its files."""
    seen = set()
    for current, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(current)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if name[0] != "."]
        yield current, files
