"""Image files, and the same image twice."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from yolo.dataset_tools.check.finding import NUM_SHOWN, Found, Level, Offender, check, of_images, of_problems

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.dataset_tools.check.survey import Survey

ROLES = ("train", "val", "test")  # splits that must not share images; others (trainval) may be unions of them


@check("corrupt", Level.ERROR, "images that do not decode", "Training stops at the first of them.")
def corrupt(survey: Survey) -> Found:
    """Files that are no image."""
    return of_problems(survey, "corrupt")


@check(
    "truncated",
    Level.ERROR,
    "images that are cut short",
    "OpenCV fills the rest with grey without a word: boxes there teach that grey is an object, and precision falls.",
)
def truncated(survey: Survey) -> Found:
    """Files that end too early."""
    return of_problems(survey, "truncated")


@check(
    "leakage",
    Level.ERROR,
    "images in more than one of train, val and test",
    "The network is scored on images that it was trained on: mAP comes out too high and says little of new images.",
)
def leakage(survey: Survey) -> Found:
    """The same pixels in two splits."""
    first: list[Offender] = []
    count = 0
    for one, other in combinations([role for role in ROLES if role in survey.splits], 2):
        seen = {int(survey.pixels[i]): int(i) for i in survey.splits[other] if survey.pixels[i]}
        pairs = [(int(i), seen[int(survey.pixels[i])]) for i in survey.splits[one] if int(survey.pixels[i]) in seen]
        count += len(pairs)
        for i, twin in pairs[: NUM_SHOWN - len(first)]:
            first.append(Offender(str(survey.paths[i]), f"in {one}; in {other} as {survey.paths[twin]}", i))
    return Found(count, first)


@check(
    "duplicate",
    Level.WARNING,
    "copies of another image, byte for byte",
    "A copy counts twice: in training it weighs more, in validation its hits and misses count double.",
)
def duplicates(survey: Survey) -> Found:
    """The same bytes in files of one or several splits."""
    return _copies(survey, survey.content, np.ones(len(survey.paths), np.bool_))


@check(
    "same-pixels",
    Level.WARNING,
    "copies of another image, saved anew",
    "They look the same pixel by pixel, so they count twice as copies do.",
)
def same_pixels(survey: Survey) -> Found:
    """The same pixels from other bytes."""
    _, first, group = np.unique(survey.content, return_index=True, return_inverse=True)
    return _copies(survey, survey.pixels, first[group] == np.arange(len(group)))


@check(
    "extension",
    Level.WARNING,
    "images whose name says another format",
    "They are read by content here; other programs may refuse them, and images left out lower recall.",
)
def extensions(survey: Survey) -> Found:
    """PNG files that are named .jpg, and the like."""
    found = [i for i, suffix in enumerate(survey.suffixes) if suffix]
    return of_images(survey, found, lambda i: f"is a {survey.suffixes[i]} file")


@check(
    "exif",
    Level.WARNING,
    "images that EXIF turns",
    "They are turned upright here, as viewers show them; boxes drawn without turning lie elsewhere, and mAP falls.",
)
def exif(survey: Survey) -> Found:
    """Images with an orientation tag."""
    sizes = survey.sizes
    found = np.flatnonzero(survey.is_rotated).tolist()
    return of_images(survey, found, lambda i: f"{sizes[i, 0]} x {sizes[i, 1]} px once turned; look at its boxes")


def _copies(survey: Survey, key: npt.NDArray[np.uint64], candidates: npt.NDArray[np.bool_]) -> Found:
    """Decoding images that are not the first of their key."""
    numbers = np.flatnonzero(survey.decodes & candidates)
    _, first, group = np.unique(key[numbers], return_index=True, return_inverse=True)
    original = dict(zip(numbers.tolist(), numbers[first[group]].tolist(), strict=True))
    found = [i for i, twin in original.items() if i != twin]
    return of_images(survey, found, lambda i: f"the same as {survey.paths[original[i]]}")
