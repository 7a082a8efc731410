"""Reads a whole data set, on all cores."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from yolo.dataset_tools.check.image_facts import read_facts
from yolo.dataset_tools.check.survey import Problem, Reading, Survey, build_survey
from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from yolo.dataset_tools.check.readers import Reader

CHUNK = 1024  # images that are queued at once: results of a large set do not pile up as futures


def read_survey(reader: Reader) -> Survey:
    """Read every image and label of all splits; an image that several splits list is read once."""
    numbers: dict[Path, int] = {}
    splits = {
        split: [numbers.setdefault(path, len(numbers)) for path in reader.images(split)] for split in reader.splits
    }
    paths = list(numbers)

    def read(path: Path) -> Reading:
        facts, problems = read_facts(path)
        labels, mistakes = reader.truth(path, facts.width, facts.height)
        return Reading(facts, labels, (*problems, *mistakes))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of broken metadata
        readings = list(progress(_map(read, paths), "check", total=len(paths), unit=" images", delay=1))
    problems = [*reader.problems, *_orphans(reader, readings)]
    return build_survey(reader.names, splits, paths, readings, problems)


def _map(function: Callable[[Path], Reading], paths: Sequence[Path]) -> Iterator[Reading]:
    """In order, in threads: decoding and hashing leave Python's lock to the others."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), CHUNK):
            yield from pool.map(function, paths[start : start + CHUNK])


def _orphans(reader: Reader, readings: Iterable[Reading]) -> list[Problem]:
    used = {reading.labels.path for reading in readings if reading.labels is not None}
    found = [path for path in reader.label_files(used) if path not in used]
    return [Problem("orphan", str(path), "no image of any split goes with it") for path in found]
