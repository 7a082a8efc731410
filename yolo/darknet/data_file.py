"""Darknet's dataset description: the `.data` and `.names` files. Opens no image list and no image."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.darknet.stated_path import PathFinder
from yolo.errors import DataError
from yolo.storage import find_file, read_lines, shipped_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)

SPLIT_KEYS = {"train": "train", "valid": "val", "val": "val", "test": "test"}  # key -> name of the split
COMMENT = re.compile(r"\s[#;].*")  # after a value; Darknet ends a number there too
OTHER_KEYS = frozenset({"classes", "names", "backup", "results", "eval", "labels", "top", "difficult", "map", "tree"})


@dataclass(frozen=True, slots=True)
class ListFile:
    """An image list that a `.data` file names; it need not exist."""

    path: Path
    where: str  # `path:line: 'value'` of the key, for messages


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A parsed `.data` file and its class names."""

    path: Path
    names_path: Path
    names: tuple[str, ...]  # class names; class ids index this
    splits: Mapping[str, ListFile]  # split name (train, val, test, ...) -> its image list
    backup: str | None = None  # the folder for weights, as written

    @classmethod
    def read(cls, path_or_name: str | Path) -> DataFile:
        """Read a `.data` file by path, or a shipped one by name (`coco`), and its class names.

        `valid` and `val` both name the split "val"; a key unknown to Darknet whose value ends in `.txt` is a further
        split of that name.

        Raises:
            DataError: no such file, a line that is not `key = value`, no names, or not as many names as `classes`.
        """
        path = find_file(path_or_name, "data", ".data")
        if path is None:
            known = ", ".join(shipped_names("data", ".data"))
            raise DataError(f"{path_or_name}: no such .data file; give a path, or one of: {known}")
        values = _read_values(path)
        finder = PathFinder(path)
        names_path = _find_names(path, values, finder)
        splits: dict[str, ListFile] = {}
        for key, (value, number) in values.items():
            if key not in SPLIT_KEYS and (key in OTHER_KEYS or not value.endswith(".txt")):
                if key not in OTHER_KEYS:
                    logger.warning("%s:%d: unknown key '%s'; ignored", path, number, key)
                continue
            where = f"{path}:{number}: '{value}'"
            found = finder.find(value) or path.parent / value
            splits.setdefault(SPLIT_KEYS.get(key, key), ListFile(found, where))
        finder.report()
        backup = values["backup"][0] if "backup" in values else None
        names = _read_class_names(path, values, names_path)
        return cls(path=path, names_path=names_path, names=names, splits=splits, backup=backup)


def read_names(path: Path) -> tuple[str, ...]:
    """Read a `.names` file, one class per line; blank lines at the end are ignored, and equal names numbered.

    Raises:
        DataError: the file cannot be read, contains no name, or has a blank line between names.
    """
    names = read_lines(path)
    while names and not names[-1]:
        names.pop()
    if not names:
        raise DataError(f"{path}: contains no class name; write one per line")
    if "" in names:
        number = names.index("") + 1
        raise DataError(f"{path}:{number}: a blank line between class names would shift the class ids; remove it")
    return number_equal_names(names, path)


def number_equal_names(names: Sequence[str], path: Path) -> tuple[str, ...]:
    """Return class names that differ, as results are kept by name: the second `cat` becomes `cat (2)`.

    Args:
        names: class names.
        path: the file that states them, for the warning.
    """
    taken = set(names)
    if len(taken) == len(names):
        return tuple(names)
    unique: list[str] = []
    for name in names:
        numbered, number = name, 1
        while numbered in unique or (number > 1 and numbered in taken):
            number += 1
            numbered = f"{name} ({number})"
        unique.append(numbered)
    changed = [numbered for numbered, name in zip(unique, names, strict=True) if numbered != name]
    text = "%s: %d class names occur before and are numbered, such as '%s'; rename or merge these classes"
    logger.warning(text, path, len(changed), changed[0])
    return tuple(unique)


def warn_if_ambiguous(text: str, folder: Path, where: str) -> None:
    """Warn if a relative path means one file in the working directory and another one in `folder`."""
    here, there = Path(text).expanduser(), folder / Path(text).expanduser()
    if here.exists() and there.exists() and not here.samefile(there):
        logger.warning(
            "%s: '%s' is read from the working directory, not %s; use a full path to choose",
            where,
            text,
            there,
        )


def _read_values(path: Path) -> dict[str, tuple[str, int]]:
    values: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line or line[0] in "#;":
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not (key and equals and value):
            raise DataError(f"{path}:{number}: '{line}': expected key = value or a # comment")
        value = COMMENT.sub("", value)
        values.setdefault(key, (value, number))  # the first of two equal keys counts, as in Darknet
        if key in SPLIT_KEYS or key == "names":
            warn_if_ambiguous(value, path.parent, f"{path}:{number}")
    return values


def _find_names(path: Path, values: Mapping[str, tuple[str, int]], finder: PathFinder) -> Path:
    if "names" not in values:
        raise DataError(f"{path}: has no 'names' key; add 'names = FILE', a file with one class name a line")
    text, number = values["names"]
    names_path = finder.find(text)
    if names_path is None or not names_path.is_file():
        raise DataError(
            f"{path}:{number}: '{text}': not found in the working directory or in {path.parent}; correct the path"
        )
    return names_path


def _read_class_names(path: Path, values: Mapping[str, tuple[str, int]], names_path: Path) -> tuple[str, ...]:
    names = read_names(names_path)
    if "classes" in values:
        text, number = values["classes"]
        if not text.isdecimal() or int(text) != len(names):
            raise DataError(
                f"{path}:{number}: 'classes = {text}', but {names_path} has {len(names)} names; make them agree"
            )
    return names
