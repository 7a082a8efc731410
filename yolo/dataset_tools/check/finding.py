"""What a check is, and what it finds. A new check is one function under `@check` in a module of `checks`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from yolo.dataset_tools.check.scan import DatasetScan, ProblemKind

NUM_SHOWN = 12  # offenders that are kept of each finding


class Level(Enum):
    """How bad a finding is."""

    ERROR = "error"  # truth is lost or wrong, or the score cannot be trusted
    WARNING = "warning"  # may be meant, often is not
    INFO = "info"  # to know


class Occurrence(NamedTuple):
    """One thing that a check found."""

    where: str  # `path` or `path:line`
    text: str
    image: int | None = None
    box: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """All that a check found: how many, and the first of them."""

    count: int
    first: Sequence[Occurrence]


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that found something."""

    check: Check
    count: int
    first: Sequence[Occurrence]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look for."""

    name: str
    level: Level
    title: str  # what was found, in the plural
    effect: str  # what it does to training and mAP, one sentence
    find: Callable[[DatasetScan], Found]


CHECKS: list[Check] = []


def check(
    name: str, level: Level, title: str, effect: str
) -> Callable[[Callable[[DatasetScan], Found]], Callable[[DatasetScan], Found]]:
    """Function decorator: this function looks for such faults."""

    def add(find: Callable[[DatasetScan], Found]) -> Callable[[DatasetScan], Found]:
        assert name not in {entry.name for entry in CHECKS}, name
        CHECKS.append(Check(name, level, title, effect, find))
        return find

    return add


def run_checks(scan: DatasetScan) -> list[Finding]:
    """What the checks found, errors first."""
    pairs = [(entry, entry.find(scan)) for entry in CHECKS]
    results = [Finding(entry, found.count, found.first) for entry, found in pairs]
    order = list(Level)
    return sorted((finding for finding in results if finding.count), key=lambda f: order.index(f.check.level))


def of_problems(scan: DatasetScan, *kinds: ProblemKind) -> Found:
    """Faults that reading met."""
    numbers = {path: i for i, path in enumerate(scan.paths)}
    found = [problem for problem in scan.problems if problem.kind in kinds]
    first = [Occurrence(p.where, p.text, numbers.get(p.image) if p.image else None) for p in found[:NUM_SHOWN]]
    return Found(len(found), first)


def of_images(scan: DatasetScan, images: Sequence[int], describe: Callable[[int], str]) -> Found:
    """Faults of whole images."""
    first = [Occurrence(str(scan.paths[i]), describe(i), i) for i in images[:NUM_SHOWN]]
    return Found(len(images), first)


def of_boxes(scan: DatasetScan, boxes: Sequence[int], describe: Callable[[int, int], str]) -> Found:
    """Faults of boxes; `describe` gets a place in `boxes` and the box's image."""
    image_of = scan.image_of
    first = []
    for number, box in enumerate(boxes[:NUM_SHOWN]):
        image = int(image_of[box])
        name = scan.names[scan.class_ids[box]]
        text = f"{name}: {describe(number, image)}"
        first.append(Occurrence(scan.box_place(box, image), text, image, box))
    return Found(len(boxes), first)


def of_texts(rows: Iterable[tuple[str, str]]) -> Found:
    """Faults that belong to no image: (where, text)."""
    found = [Occurrence(where, text) for where, text in rows]
    return Found(len(found), found[:NUM_SHOWN])
