"""Say why a data set has no label or no object: where labels were looked for, and what lies there instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.data.formats.folders import find_files
from yolo.data.formats.other_formats import describe_other_format
from yolo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from yolo.data.formats.dataset_format import DatasetFormat
    from yolo.data.index import Index

LABEL_SUFFIXES = (".json", ".txt", ".xml")


def require_objects(source: DatasetFormat, split: str, index: Index) -> None:
    """Refuse a split without an object.

    Args:
        source: the data set.
        split: the name of the split.
        index: the split.

    Raises:
        DataError: it has no object, except ignored ones.
    """
    if np.all(index.all_ignore):
        images = _images(index)
        text = explain_no_labels(source, images)
        if text is None:
            text = f"no object in {len(images)} images; label some, or divide again with `python -m yolo.data split`"
        raise DataError(f"{source.path}: split '{split}': {text}")


def require_labels(source: DatasetFormat, indices: Iterable[Index]) -> None:
    """Refuse a data set without any label file.

    Args:
        source: the data set.
        indices: its splits.

    Raises:
        DataError: no image of any split has one.
    """
    text = explain_no_labels(source, [image for index in indices for image in _images(index)])
    if text is not None:
        raise DataError(f"{source.path}: {text}")


def _images(index: Index) -> list[Path]:
    return [index.path(i) for i in range(len(index))]


def explain_no_labels(source: DatasetFormat, images: Sequence[Path]) -> str | None:
    """Return one line that says where labels of images were looked for, or None if an image has a label file."""
    tried = [path for image in images for path in source.label_files(image)]
    if not tried or any(path.is_file() for path in tried):
        return None
    folder = source.path if source.path.is_dir() else source.path.parent
    other = describe_other_format(folder)
    if other is not None:
        return f"no label file for its images: {other}"
    places = " and ".join(map(str, source.label_files(images[0])))
    text = f"no label file for {len(images)} images; that of {images[0]} was looked for at {places}"
    names = {name for image in images for name in (image.stem, image.name)}
    near = [path for path in find_files(folder, LABEL_SUFFIXES) if path.stem in names]
    return f"{text}, but {near[0]} may be one of them: move or rename such files" if near else f"{text}; add them"
