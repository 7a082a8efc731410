"""Lists of images: text files with one path a line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.darknet.data_file import resolve_path, warn_if_ambiguous
from yolo.errors import DataError, MissingImageError
from yolo.log import progress
from yolo.storage import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator


def iterate_image_list(path: Path) -> Iterator[Path | DataError]:
    """Yield the images that a text file lists, one path a line, from the working directory or else the list's folder.

    An image that does not exist is a `MissingImageError`, a list that cannot be read another `DataError`.
    """
    try:
        lines = read_lines(path)
    except DataError as error:
        yield error
        return
    is_first = True
    for number, line in enumerate(progress(lines, "find images", unit=" images", delay=1), start=1):
        if not line:
            continue
        where = f"{path}:{number}"
        if is_first:
            warn_if_ambiguous(line, path.parent, where)
            is_first = False
        image = resolve_path(line, path.parent)
        if image.is_file():
            yield image
        else:
            yield MissingImageError(f"{where}: '{line}': no such image here or in {path.parent}; correct the path")


def list_origins(path: Path) -> list[Path]:
    """Return the paths that decide on the images of a list: the list itself, and folders that its lines name."""
    if not path.is_file():
        return [path]
    folders = {os.path.dirname(line) for line in read_lines(path) if line}  # noqa: PTH120 (Path is slow)
    return [path, *(Path(folder) for folder in sorted(folders) if not os.path.isabs(folder))]  # noqa: PTH117
