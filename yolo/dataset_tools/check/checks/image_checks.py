"""Image files, and the same image twice."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from yolo.dataset_tools.check.finding import NUM_SHOWN, Found, Level, Occurrence, check, of_images, of_problems

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.dataset_tools.check.scan import DatasetScan

ROLES = ("train", "val", "test")  # splits that must not share images; others (trainval) may be unions of them


@check("corrupt", Level.ERROR, "images that do not decode", "Training stops at the first of them.")
def corrupt(scan: DatasetScan) -> Found:
    """Files that are no image."""
    return of_problems(scan, "corrupt")


@check(
    "truncated",
    Level.ERROR,
    "images that are cut short",
    "OpenCV fills the rest with grey without a word: boxes there teach that grey is an object, and precision falls.",
)
def truncated(scan: DatasetScan) -> Found:
    """Files that end too early."""
    return of_problems(scan, "truncated")


@check(
    "leakage",
    Level.ERROR,
    "images in more than one of train, val and test",
    "The network is scored on images that it was trained on: mAP comes out too high and says little of new images.",
)
def leakage(scan: DatasetScan) -> Found:
    """The same pixels in two splits."""
    first: list[Occurrence] = []
    count = 0
    for one, other in combinations([role for role in ROLES if role in scan.splits], 2):
        seen = {int(scan.pixels[i]): int(i) for i in scan.splits[other] if scan.pixels[i]}
        pairs = [(int(i), seen[int(scan.pixels[i])]) for i in scan.splits[one] if int(scan.pixels[i]) in seen]
        count += len(pairs)
        for i, twin in pairs[: NUM_SHOWN - len(first)]:
            first.append(Occurrence(str(scan.paths[i]), f"in {one}; in {other} as {scan.paths[twin]}", i))
    return Found(count, first)


@check(
    "duplicate",
    Level.WARNING,
    "copies of another image, byte for byte",
    "A copy counts twice: in training it weighs more, in validation its hits and misses count double.",
)
def duplicates(scan: DatasetScan) -> Found:
    """The same bytes in files of one or several splits."""
    return _copies(scan, scan.content, np.ones(len(scan.paths), np.bool_))


@check(
    "same-pixels",
    Level.WARNING,
    "copies of another image, saved anew",
    "They look the same pixel by pixel, so they count twice as copies do.",
)
def same_pixels(scan: DatasetScan) -> Found:
    """The same pixels from other bytes."""
    _, first, group = np.unique(scan.content, return_index=True, return_inverse=True)
    return _copies(scan, scan.pixels, first[group] == np.arange(len(group)))


@check(
    "extension",
    Level.WARNING,
    "images whose name says another format",
    "They are read by content here; other programs may refuse them, and images left out lower recall.",
)
def extensions(scan: DatasetScan) -> Found:
    """PNG files that are named .jpg, and the like."""
    found = [i for i, suffix in enumerate(scan.suffixes) if suffix]
    return of_images(scan, found, lambda i: f"is a {scan.suffixes[i]} file")


@check(
    "exif",
    Level.WARNING,
    "images that EXIF turns",
    "They are turned upright here, as viewers show them; boxes drawn without turning lie elsewhere, and mAP falls.",
)
def exif(scan: DatasetScan) -> Found:
    """Images with an orientation tag."""
    sizes = scan.sizes
    found = np.flatnonzero(scan.is_rotated).tolist()
    return of_images(scan, found, lambda i: f"{sizes[i, 0]} x {sizes[i, 1]} px once turned; look at its boxes")


def _copies(scan: DatasetScan, key: npt.NDArray[np.uint64], candidates: npt.NDArray[np.bool_]) -> Found:
    """Decoding images that are not the first of their key."""
    numbers = np.flatnonzero(scan.decodes & candidates)
    _, first, group = np.unique(key[numbers], return_index=True, return_inverse=True)
    original = dict(zip(numbers.tolist(), numbers[first[group]].tolist(), strict=True))
    found = [i for i, twin in original.items() if i != twin]
    return of_images(scan, found, lambda i: f"the same as {scan.paths[original[i]]}")
