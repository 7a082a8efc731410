"""Find files by the paths that lists and descriptions state, even if written on another system or machine."""

from __future__ import annotations

import logging
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

DRIVE = re.compile(r"^[A-Za-z]:(?=[\\/])")  # of Windows


class PathFinder:
    """Finds the files that one list or description names; `report` says which do not lie where it states.

    Args:
        file: the list or description.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._num_moved = 0
        self._example = ""

    def find(self, text: str) -> Path | None:
        """Return the first existing path of `path_candidates`; None if there is none."""
        for number, path in enumerate(path_candidates(text, self._file.parent)):
            if path.exists():
                if number > 1:
                    self._num_moved += 1
                    self._example = self._example or f"'{text}' is {path}"
                return path
        return None

    def report(self) -> None:
        """Warn, in one line, of the paths that were found elsewhere than stated."""
        if self._num_moved:
            text = "%s: %d paths that do not exist as stated are read from elsewhere; the first: %s"
            logger.warning(text, self._file, self._num_moved, self._example)


def path_candidates(text: str, folder: Path) -> Iterator[Path]:
    """Yield the paths that a text in a file of `folder` may mean; the first that exists counts.

    The first two are Darknet's: from the working directory, then from `folder`. Then follow the ends of the path,
    the longest first, with backslashes as slashes: below `folder`, and, if they have two parts or more, below the
    folder above it and the working directory. So `data/obj/a.jpg`, `C:/me/obj/a.jpg` and `/home/me/obj/a.jpg` all find
    `obj/a.jpg`.
    """
    stated = Path(text).expanduser()
    yield stated
    yield folder / stated
    above = folder.absolute().parent
    for end in path_ends(text):
        yield folder / end
        if len(end.parts) > 1:
            yield above / end
            yield Path(end)


def path_ends(text: str) -> list[PurePosixPath]:
    """Return the ends of a path of any system, the longest first, relative and without `..`; none of a URL."""
    if "://" in text:
        return []
    parts = [part for part in PurePosixPath(DRIVE.sub("", text).replace("\\", "/")).parts if part.strip("/") != ""]
    first = len(parts) - parts[::-1].index("..") if ".." in parts else 0
    return [PurePosixPath(*parts[start:]) for start in range(first, len(parts))]
