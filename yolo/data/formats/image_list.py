"""Lists of images: text files with one path a line."""

from __future__ import annotations

import os
from pathlib import Path

from yolo.darknet.data_file import read_lines, resolve_path, warn_if_ambiguous
from yolo.errors import DataError
from yolo.log import progress


def read_image_list(path: Path) -> list[Path]:
    """Images that a text file lists, one path a line, from the working directory or else from the list's folder.

    Raises:
        DataError: the list cannot be read, or an image does not exist.
    """
    images: list[Path] = []
    lines = progress(read_lines(path), "find images", unit=" images", delay=1)
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        if not images:
            warn_if_ambiguous(line, path.parent, f"{path}:{number}")
        image = resolve_path(line, path.parent)
        if not image.is_file():
            raise DataError(f"{path}:{number}: '{line}': no such image here or in {path.parent}; correct the path")
        images.append(image)
    return images


def list_origins(path: Path) -> list[Path]:
    """What decides on the images of a list: the list, and the folders where the working directory may have one."""
    if not path.is_file():
        return [path]
    folders = {os.path.dirname(line) for line in read_lines(path) if line}  # noqa: PTH120 (Path is slow)
    return [path, *(Path(folder) for folder in sorted(folders) if not os.path.isabs(folder))]  # noqa: PTH117
