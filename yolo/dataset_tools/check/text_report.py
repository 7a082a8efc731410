"""Findings as plain text."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from yolo.dataset_tools.check.checks.class_checks import class_counts
from yolo.dataset_tools.check.finding import Level
from yolo.text_table import align_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.dataset_tools.check.finding import Finding
    from yolo.dataset_tools.check.scan import DatasetScan

NUM_EXAMPLES = 3  # printed for each finding
LINE_WIDTH = 120
MAX_CLASSES = 20  # rows of the table, the most frequent classes first


def format_findings(scan: DatasetScan, findings: Sequence[Finding]) -> str:
    """Return the numbers of the data set, each finding with its first examples, and the verdict."""
    lines = [headline(scan), "", *class_table(scan)]
    for finding in findings:
        lines += ["", f"{finding.check.level.value}: {finding.check.title}: {finding.count:,}"]
        lines += [f"  {example.where}: {example.text}" for example in finding.examples[:NUM_EXAMPLES]]
        if finding.count > NUM_EXAMPLES:
            lines.append(f"  and {finding.count - NUM_EXAMPLES:,} more")
        lines += textwrap.wrap(finding.check.effect, LINE_WIDTH, initial_indent="  -> ", subsequent_indent="     ")
    return "\n".join([*lines, "", verdict(findings)])


def headline(scan: DatasetScan) -> str:
    """Return the numbers of images, boxes and classes in one line."""
    parts = ", ".join(f"{split} {len(images):,}" for split, images in scan.splits.items())
    return f"{len(scan.paths):,} images ({parts}), {len(scan.lines):,} boxes, {len(scan.names)} classes"


def class_table(scan: DatasetScan) -> list[str]:
    """Return the lines of a table of the objects of each class and split, the most frequent class first."""
    counts = {split: class_counts(scan, split).tolist() for split in scan.splits}
    total = class_counts(scan, None)
    order = [int(c) for c in (-total).argsort(kind="stable") if total[c]]
    rows = [("class", *counts)]
    rows += [(scan.names[c], *(f"{column[c]:,}" for column in counts.values())) for c in order[:MAX_CLASSES]]
    num_hidden = len(scan.names) - len(rows) + 1
    return align_columns(rows) + ([f"and {num_hidden} more classes"] if num_hidden else [])


def verdict(findings: Sequence[Finding]) -> str:
    """Return one line: the numbers of kinds of errors and warnings."""
    num_errors, num_warnings = (
        sum(finding.check.level is level for finding in findings) for level in (Level.ERROR, Level.WARNING)
    )
    remedy = "; --fix OUT writes a cleaned copy" if num_errors else ""
    return f"{_count_kinds(num_errors, Level.ERROR)}, {_count_kinds(num_warnings, Level.WARNING)}{remedy}"


def _count_kinds(number: int, level: Level) -> str:
    return f"{number} kind{'' if number == 1 else 's'} of {level.value}" if number else f"no {level.value}"
