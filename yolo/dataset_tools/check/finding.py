"""Checks and their findings. A new check is one function under `@check` in a module of `checks/`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from yolo.dataset_tools.check.scan import DatasetScan, ProblemKind

MAX_EXAMPLES = 12  # that are kept of each finding


class Level(Enum):
    """Severity of a finding."""

    ERROR = "error"  # labels are lost or wrong, or the score cannot be trusted
    WARNING = "warning"  # may be intended, often is not
    INFO = "info"


class Example(NamedTuple):
    """One image, box, row, file or class that a check found."""

    where: str  # `path`, `path:line` or class name
    text: str
    image: int | None = None
    box: int | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The number of cases that a check found, and the first of them."""

    count: int
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that found something."""

    check: Check
    count: int
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of fault to look for."""

    name: str
    level: Level
    title: str  # the fault, in the plural
    effect: str  # on training and mAP, one sentence
    run: Callable[[DatasetScan], CheckResult]


CHECKS: list[Check] = []


def check(
    name: str, level: Level, title: str, effect: str
) -> Callable[[Callable[[DatasetScan], CheckResult]], Callable[[DatasetScan], CheckResult]]:
    """Register the decorated function as a check."""

    def register(function: Callable[[DatasetScan], CheckResult]) -> Callable[[DatasetScan], CheckResult]:
        assert name not in {entry.name for entry in CHECKS}, name
        CHECKS.append(Check(name, level, title, effect, function))
        return function

    return register


def run_checks(scan: DatasetScan) -> list[Finding]:
    """Run all checks and return what they found, errors first."""
    results = [(entry, entry.run(scan)) for entry in CHECKS]
    findings = [Finding(entry, result.count, result.examples) for entry, result in results if result.count]
    order = list(Level)
    return sorted(findings, key=lambda finding: order.index(finding.check.level))


def problem_result(scan: DatasetScan, kind: ProblemKind) -> CheckResult:
    """Return the result of a check that counts what could not be read."""
    numbers = {path: i for i, path in enumerate(scan.paths)}
    found = [problem for problem in scan.problems if problem.kind == kind]
    examples = [Example(p.where, p.text, numbers.get(p.image) if p.image else None) for p in found[:MAX_EXAMPLES]]
    return CheckResult(len(found), examples)


def image_result(scan: DatasetScan, images: Sequence[int], describe: Callable[[int], str]) -> CheckResult:
    """Return the result of a check of images; `describe` gets the number of an image."""
    return CheckResult(len(images), [Example(str(scan.paths[i]), describe(i), i) for i in images[:MAX_EXAMPLES]])


def box_result(scan: DatasetScan, boxes: Sequence[int], describe: Callable[[int, int], str]) -> CheckResult:
    """Return the result of a check of boxes; `describe` gets the position in `boxes` and the number of the image."""
    image_of_box = scan.image_of_box
    examples = []
    for position, box in enumerate(boxes[:MAX_EXAMPLES]):
        image = int(image_of_box[box])
        text = f"{scan.names[scan.class_ids[box]]}: {describe(position, image)}"
        examples.append(Example(scan.where_box(box, image), text, image, box))
    return CheckResult(len(boxes), examples)


def class_result(rows: Iterable[tuple[str, str]]) -> CheckResult:
    """Return the result of a check of classes, given (class name, text) pairs."""
    examples = [Example(name, text) for name, text in rows]
    return CheckResult(len(examples), examples[:MAX_EXAMPLES])
