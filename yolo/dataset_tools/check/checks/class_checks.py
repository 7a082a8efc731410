"""How the objects are spread over classes and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.dataset_tools.check.finding import Found, Level, check, of_texts

if TYPE_CHECKING:
    from yolo.dataset_tools.check.survey import Survey

IMBALANCE = 50  # times as many objects as another class
FEW = 50  # training objects of a class


@check(
    "no-training-example",
    Level.WARNING,
    "classes without an object in train",
    "They are never found, and each pulls mAP down by its share where validation has it.",
)
def untrained_classes(survey: Survey) -> Found:
    """Names that no training box has."""
    return _absent(survey, "train")


@check(
    "no-validation-example",
    Level.WARNING,
    "classes without an object in val",
    "They are left out of mAP, which then says nothing of them.",
)
def unscored_classes(survey: Survey) -> Found:
    """Names that no validation box has."""
    return _absent(survey, "val")


@check(
    "few",
    Level.INFO,
    f"classes with fewer than {FEW} objects in train",
    "Their AP is low and changes much from run to run; more images of them help most.",
)
def few_examples(survey: Survey) -> Found:
    """Classes with some, but few, training boxes."""
    if "train" not in survey.splits:
        return of_texts([])
    counts = class_counts(survey, "train")
    return of_texts((name, f"{n} objects") for name, n in zip(survey.names, counts, strict=True) if 0 < n < FEW)


@check(
    "imbalance",
    Level.INFO,
    f"classes with under a {IMBALANCE}th of the objects of the commonest",
    "mAP weighs all classes alike, training weighs objects alike: the rare ones hold mAP down.",
)
def imbalance(survey: Survey) -> Found:
    """Rare classes of the training split, or of all splits where there is none."""
    counts = class_counts(survey, "train" if "train" in survey.splits else None)
    most = int(counts.max())
    rows = zip(survey.names, counts.tolist(), strict=True)
    return of_texts((name, f"{n} objects; {survey.names[counts.argmax()]}: {most}") for name, n in rows
                    if 0 < n < most / IMBALANCE)  # fmt: skip


def class_counts(survey: Survey, split: str | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(C,): boxes with area of each class, of one split or of all."""
    counted = survey.has_area if split is None else survey.has_area & survey.boxes_in(split)
    return np.bincount(survey.class_ids[counted], minlength=len(survey.names))


def _absent(survey: Survey, split: str) -> Found:
    if split not in survey.splits:
        return of_texts([])
    rows = zip(survey.names, class_counts(survey, split), strict=True)
    return of_texts((name, f"no object in {split}") for name, count in rows if not count)
