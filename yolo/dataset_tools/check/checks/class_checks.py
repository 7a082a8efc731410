"""How the objects are spread over classes and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.dataset_tools.check.finding import Found, Level, check, of_texts

if TYPE_CHECKING:
    from yolo.dataset_tools.check.scan import DatasetScan

IMBALANCE = 50  # times as many objects as another class
FEW = 50  # training objects of a class


@check(
    "no-training-example",
    Level.WARNING,
    "classes without an object in train",
    "They are never found, and each pulls mAP down by its share where validation has it.",
)
def untrained_classes(scan: DatasetScan) -> Found:
    """Names that no training box has."""
    return _absent(scan, "train")


@check(
    "no-validation-example",
    Level.WARNING,
    "classes without an object in val",
    "They are left out of mAP, which then says nothing of them.",
)
def unscored_classes(scan: DatasetScan) -> Found:
    """Names that no validation box has."""
    return _absent(scan, "val")


@check(
    "few",
    Level.INFO,
    f"classes with fewer than {FEW} objects in train",
    "Their AP is low and changes much from run to run; more images of them help most.",
)
def few_examples(scan: DatasetScan) -> Found:
    """Classes with some, but few, training boxes."""
    if "train" not in scan.splits:
        return of_texts([])
    counts = class_counts(scan, "train")
    return of_texts((name, f"{n} objects") for name, n in zip(scan.names, counts, strict=True) if 0 < n < FEW)


@check(
    "imbalance",
    Level.INFO,
    f"classes with under a {IMBALANCE}th of the objects of the commonest",
    "mAP weighs all classes alike, training weighs objects alike: the rare ones hold mAP down.",
)
def imbalance(scan: DatasetScan) -> Found:
    """Rare classes of the training split, or of all splits where there is none."""
    counts = class_counts(scan, "train" if "train" in scan.splits else None)
    most = int(counts.max())
    rows = zip(scan.names, counts.tolist(), strict=True)
    return of_texts((name, f"{n} objects; {scan.names[counts.argmax()]}: {most}") for name, n in rows
                    if 0 < n < most / IMBALANCE)  # fmt: skip


def class_counts(scan: DatasetScan, split: str | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(C,): boxes with area of each class, of one split or of all."""
    counted = scan.has_area if split is None else scan.has_area & scan.boxes_in(split)
    return np.bincount(scan.class_ids[counted], minlength=len(scan.names))


def _absent(scan: DatasetScan, split: str) -> Found:
    if split not in scan.splits:
        return of_texts([])
    rows = zip(scan.names, class_counts(scan, split), strict=True)
    return of_texts((name, f"no object in {split}") for name, count in rows if not count)
