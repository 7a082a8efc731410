"""Read a whole data set on all cores, and collect its errors instead of stopping at the first."""

from __future__ import annotations

import os
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolo.data.formats.no_labels import explain_no_labels
from yolo.data.label_meaning import KEYPOINTS, likely_meaning
from yolo.data.labels import labels_of
from yolo.dataset_tools.check.image_info import read_image_info
from yolo.dataset_tools.check.scan import DatasetScan, Problem, ScannedImage, build_scan
from yolo.errors import BadRowError, DataError, MissingImageError, UnknownClassError
from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from yolo.data.formats.dataset_format import DatasetFormat
    from yolo.data.labels import Labels
    from yolo.dataset_tools.check.scan import ProblemKind

CHUNK = 1024  # images queued at once, so that the results of a large data set do not pile up as futures
PROBLEM_KINDS: dict[type[DataError], ProblemKind] = {
    MissingImageError: "missing-image",
    BadRowError: "row",
    UnknownClassError: "class",
}


def scan_dataset(source: DatasetFormat) -> DatasetScan:
    """Read every image and label of all splits; an image that several splits list is read once."""
    source.take_readable_names()
    problems: list[Problem] = []
    numbers: dict[Path, int] = {}
    splits = {
        split: [numbers.setdefault(path, len(numbers)) for path in _list_images(source, split, problems)]
        for split in source.splits
    }
    paths = list(numbers)

    def scan(path: Path) -> ScannedImage:
        info, image_problems = read_image_info(path)
        labels, label_problems = _read_labels(source, path, info.width, info.height)
        return ScannedImage(info, labels, (*image_problems, *label_problems))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of broken metadata
        images = list(progress(_map_in_threads(scan, paths), "check", total=len(paths), unit=" images", delay=1))
    if source.has_fraction_rows:
        images, unlike = _as_meant(images, splits)
        problems += unlike
    if images and all(image.labels is None for image in images):
        reason = explain_no_labels(source, paths)
        problems += [Problem("no-label", str(source.path), reason)] if reason else []
    used = {image.labels.path for image in images if image.labels is not None}
    unused = [path for path in source.find_label_files(used) if path not in used]
    problems += [Problem("orphan", str(path), "no image of any split uses it") for path in unused]
    return build_scan(source.names, splits, paths, images, problems)


def _as_meant(
    images: Sequence[ScannedImage], splits: Mapping[str, Sequence[int]]
) -> tuple[list[ScannedImage], list[Problem]]:
    """Return the images with the boxes that their rows probably mean, and a problem for each split of other rows."""
    changed = list(images)
    problems = []
    for split, numbers in splits.items():
        chosen = [(i, images[i].labels) for i in numbers if images[i].info.width]
        labelled = [(i, labels) for i, labels in chosen if labels and labels.lines]
        sizes = [(images[i].info.width, images[i].info.height) for i, _ in labelled]
        meaning = likely_meaning([labels for _, labels in labelled], sizes)
        if meaning is None:
            continue
        ends = np.cumsum([len(labels.lines) for _, labels in labelled])
        for (i, labels), boxes_xyxy in zip(labelled, np.split(meaning.boxes_xyxy, ends[:-1]), strict=True):
            polygon_lines = () if meaning.title == KEYPOINTS else labels.polygon_lines
            meant = replace(labels, boxes_xyxy=boxes_xyxy, polygon_lines=polygon_lines)
            changed[i] = images[i]._replace(labels=meant)
        text = f"{split}: most of its {ends[-1]} rows look like {meaning.title}"
        problems.append(Problem("meaning", labelled[0][1].where(0), text))
    return changed, problems


def _map_in_threads(function: Callable[[Path], ScannedImage], paths: Sequence[Path]) -> Iterator[ScannedImage]:
    """Yield results in order; decoding and hashing release Python's lock, so threads use all cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), CHUNK):
            yield from pool.map(function, paths[start : start + CHUNK])


def _list_images(source: DatasetFormat, split: str, problems: list[Problem]) -> list[Path]:
    """Return the images of a split that exist, and append a problem for each error."""
    images = []
    try:
        for entry in source.iterate_images(split):
            if isinstance(entry, DataError):
                problems.append(_problem(entry, "list"))
            else:
                images.append(entry)
    except DataError as error:
        problems.append(_problem(error, "list"))
    return images


def _read_labels(source: DatasetFormat, image: Path, width: int, height: int) -> tuple[Labels | None, list[Problem]]:
    try:
        labels, errors = source.read_labels(image, width, height)
    except DataError as error:
        problem = _problem(error, "label-file", image)
        path = Path(re.sub(r":\d+$", "", problem.where))
        return labels_of([], path, 0, 0), [problem]
    return labels, [_problem(error, "label-file", image) for error in errors]


def _problem(error: DataError, kind: ProblemKind, image: Path | None = None) -> Problem:
    """Turn an error, whose message begins with `path:` or `path:line:`, into a problem; `kind` is for plain errors."""
    where, _, text = str(error).partition(": ")
    return Problem(PROBLEM_KINDS.get(type(error), kind), where, text, image)
