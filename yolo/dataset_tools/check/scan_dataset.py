"""Read a whole data set on all cores, and collect its errors instead of stopping at the first."""

from __future__ import annotations

import os
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from yolo.data.labels import labels_of
from yolo.dataset_tools.check.image_info import read_image_info
from yolo.dataset_tools.check.scan import DatasetScan, Problem, ScannedImage, build_scan
from yolo.errors import BadRowError, DataError, MissingImageError, UnknownClassError
from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
    used = {image.labels.path for image in images if image.labels is not None}
    unused = [path for path in source.find_label_files(used) if path not in used]
    problems += [Problem("orphan", str(path), "no image of any split uses it") for path in unused]
    return build_scan(source.names, splits, paths, images, problems)


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
