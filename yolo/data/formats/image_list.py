"""Lists of images: text files with one path a line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.darknet.data_file import warn_if_ambiguous
from yolo.darknet.stated_path import PathFinder, path_candidates
from yolo.errors import DataError, MissingImageError
from yolo.log import progress
from yolo.storage import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator


def iterate_image_list(path: Path) -> Iterator[Path | DataError]:
    """Yield the images that a text file lists, one path a line, as `path_candidates` finds them.

    An image that does not exist is a `MissingImageError`, a list that cannot be read another `DataError`.
    """
    try:
        lines = read_lines(path)
    except DataError as error:
        yield error
        return
    finder = PathFinder(path)
    is_first = True
    for number, line in enumerate(progress(lines, "find images", unit=" images", delay=1), start=1):
        if not line:
            continue
        where = f"{path}:{number}"
        if is_first:
            warn_if_ambiguous(line, path.parent, where)
            is_first = False
        image = finder.find(line)
        if image and image.is_file():
            yield image
        else:
            yield MissingImageError(f"{where}: '{line}': no such image here or in {path.parent}; correct the path")
    finder.report()


def list_origins(path: Path) -> list[Path]:
    """Return the paths that decide on the images of a list: the list itself, and the folders that were searched."""
    if not path.is_file():
        return [path]
    first_in_folder = {os.path.dirname(line.replace("\\", "/")): line for line in read_lines(path)[::-1] if line}  # noqa: PTH120 (Path is slow)
    searched = {folder for line in first_in_folder.values() for folder in _searched_folders(line, path.parent)}
    return [path, *sorted(searched)]


def _searched_folders(line: str, folder: Path) -> Iterator[Path]:
    """Yield the folders in which an image was looked for, except that of a full path, where it was found at once."""
    for candidate in path_candidates(line, folder):
        is_found = candidate.exists()
        if not (is_found and candidate.is_absolute()):
            yield candidate.parent
        if is_found:
            return
