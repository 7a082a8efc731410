"""Checks of how the objects are distributed over classes and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.dataset_tools.check.finding import CheckResult, Level, check, class_result

if TYPE_CHECKING:
    from yolo.dataset_tools.check.scan import DatasetScan

IMBALANCE = 50  # ratio between the numbers of objects of two classes
MIN_EXAMPLES = 50  # training objects of a class


@check(
    "no-training-example",
    Level.WARNING,
    "classes without an object in train",
    "The network never finds them; each one that validation contains lowers mAP, which averages over classes.",
)
def untrained_classes(scan: DatasetScan) -> CheckResult:
    """Find class names that no training box has."""
    return _absent_classes(scan, "train")


@check(
    "no-validation-example",
    Level.WARNING,
    "classes without an object in val",
    "They are left out of mAP, which then says nothing about them.",
)
def unscored_classes(scan: DatasetScan) -> CheckResult:
    """Find class names that no validation box has."""
    return _absent_classes(scan, "val")


@check(
    "few",
    Level.INFO,
    f"classes with fewer than {MIN_EXAMPLES} objects in train",
    "Their AP is low and varies much from run to run; more images of them help most.",
)
def few_examples(scan: DatasetScan) -> CheckResult:
    """Find classes with some, but few, training boxes."""
    if "train" not in scan.splits:
        return class_result([])
    rows = zip(scan.names, class_counts(scan, "train"), strict=True)
    return class_result((name, f"{count} objects") for name, count in rows if 0 < count < MIN_EXAMPLES)


@check(
    "imbalance",
    Level.INFO,
    f"classes with under a {IMBALANCE}th of the objects of the most frequent class",
    "mAP weights all classes equally, training weights all objects equally: rare classes lower mAP.",
)
def imbalance(scan: DatasetScan) -> CheckResult:
    """Find rare classes of the training split, or of all splits if there is none."""
    counts = class_counts(scan, "train" if "train" in scan.splits else None)
    if not counts.any():
        return class_result([])
    largest = int(counts.max())
    text = f"{scan.names[counts.argmax()]}: {largest}"
    rows = zip(scan.names, counts.tolist(), strict=True)
    return class_result((name, f"{count} objects; {text}") for name, count in rows if 0 < count < largest / IMBALANCE)


def class_counts(scan: DatasetScan, split: str | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return (C,), the number of boxes with area of each class, in one split or (None) in all."""
    counted = scan.has_area if split is None else scan.has_area & scan.is_in_split(split)
    return np.bincount(scan.class_ids[counted], minlength=len(scan.names))


def _absent_classes(scan: DatasetScan, split: str) -> CheckResult:
    if split not in scan.splits:
        return class_result([])
    rows = zip(scan.names, class_counts(scan, split), strict=True)
    return class_result((name, f"no object in {split}") for name, count in rows if not count)
