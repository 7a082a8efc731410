"""Findings as text."""

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

NUM_LINES = 3  # offenders of a finding that are printed
MAX_LINE = 120
MAX_CLASSES = 20  # rows of the table; the commonest come first


def format_findings(scan: DatasetScan, findings: Sequence[Finding]) -> str:
    """The data set in numbers, each finding with its first offenders, and a verdict."""
    lines = [headline(scan), "", *class_table(scan)]
    for finding in findings:
        lines += ["", f"{finding.check.level.value}: {finding.check.title}: {finding.count:,}"]
        lines += [f"  {occurrence.where}: {occurrence.text}" for occurrence in finding.first[:NUM_LINES]]
        if finding.count > NUM_LINES:
            lines.append(f"  and {finding.count - NUM_LINES:,} more")
        lines += textwrap.wrap(finding.check.effect, MAX_LINE, initial_indent="  -> ", subsequent_indent="     ")
    return "\n".join([*lines, "", verdict(findings)])


def headline(scan: DatasetScan) -> str:
    """Images, boxes and classes."""
    parts = ", ".join(f"{split} {len(images):,}" for split, images in scan.splits.items())
    return f"{len(scan.paths):,} images ({parts}), {len(scan.lines):,} boxes, {len(scan.names)} classes"


def class_table(scan: DatasetScan) -> list[str]:
    """Objects of each class and split, the commonest class first."""
    counts = {split: class_counts(scan, split).tolist() for split in scan.splits}
    total = class_counts(scan, None)
    order = [int(c) for c in (-total).argsort(kind="stable") if total[c]]
    rows = [("class", *counts)]
    rows += [(scan.names[c], *(f"{column[c]:,}" for column in counts.values())) for c in order[:MAX_CLASSES]]
    table = align_columns(rows)
    rest = len(scan.names) - len(rows) + 1
    return [*table, f"and {rest} classes more"] if rest else table


def verdict(findings: Sequence[Finding]) -> str:
    """One line: how many kinds of each level."""
    errors, warnings = (
        _kinds(sum(finding.check.level is level for finding in findings), level)
        for level in (Level.ERROR, Level.WARNING)
    )
    mend = "; --fix OUT writes a mended copy" if any(f.check.level is Level.ERROR for f in findings) else ""
    return f"{errors}, {warnings}{mend}"


def _kinds(number: int, level: Level) -> str:
    return f"{number} kind{'' if number == 1 else 's'} of {level.value}" if number else f"no {level.value}"
