"""Checks of image files and of copies of images."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from yolo.dataset_tools.check.finding import (
    MAX_EXAMPLES,
    CheckResult,
    Example,
    Level,
    check,
    image_result,
    problem_result,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.dataset_tools.check.scan import DatasetScan

DISJOINT_SPLITS = ("train", "val", "test")  # must not share images; others (trainval) may be unions of them


@check("corrupt", Level.ERROR, "images that cannot be decoded", "Training stops at the first of them.")
def corrupt(scan: DatasetScan) -> CheckResult:
    """Find files that are not images."""
    return problem_result(scan, "corrupt")


@check(
    "truncated",
    Level.ERROR,
    "truncated images",
    "OpenCV silently fills the rest with grey: boxes there teach that grey is an object, and precision falls.",
)
def truncated(scan: DatasetScan) -> CheckResult:
    """Find image files that end too early."""
    return problem_result(scan, "truncated")


@check(
    "leakage",
    Level.ERROR,
    "images in more than one of train, val and test",
    "The network is scored on images that it was trained on: mAP is too high and says little about new images.",
)
def leakage(scan: DatasetScan) -> CheckResult:
    """Find the same pixels in two splits."""
    examples: list[Example] = []
    count = 0
    for split, other in combinations([split for split in DISJOINT_SPLITS if split in scan.splits], 2):
        in_other = {int(scan.pixel_hashes[i]): int(i) for i in scan.splits[other] if scan.pixel_hashes[i]}
        pairs = [
            (int(i), in_other[int(scan.pixel_hashes[i])])
            for i in scan.splits[split]
            if int(scan.pixel_hashes[i]) in in_other
        ]
        count += len(pairs)
        for i, copy in pairs[: MAX_EXAMPLES - len(examples)]:
            examples.append(Example(str(scan.paths[i]), f"in {split}; in {other} as {scan.paths[copy]}", i))
    return CheckResult(count, examples)


@check(
    "duplicate",
    Level.WARNING,
    "copies of another image, byte for byte",
    "A copy counts twice: in training it weighs more, in validation its hits and misses count double.",
)
def duplicates(scan: DatasetScan) -> CheckResult:
    """Find the same bytes in several files, of one or several splits."""
    return _copies(scan, scan.content_hashes, np.ones(len(scan.paths), np.bool_))


@check(
    "same-pixels",
    Level.WARNING,
    "copies of another image, saved again",
    "Their pixels are equal, so they count twice, as byte-for-byte copies do.",
)
def same_pixels(scan: DatasetScan) -> CheckResult:
    """Find the same pixels in files of different bytes."""
    _, first, group = np.unique(scan.content_hashes, return_index=True, return_inverse=True)
    return _copies(scan, scan.pixel_hashes, first[group] == np.arange(len(group)))


@check(
    "extension",
    Level.WARNING,
    "images with the suffix of another format",
    "They are read by content here; other programs may refuse them, and images left out lower recall.",
)
def extensions(scan: DatasetScan) -> CheckResult:
    """Find files such as PNG images that are named .jpg."""
    found = [i for i, suffix in enumerate(scan.corrected_suffixes) if suffix]
    return image_result(scan, found, lambda i: f"is a {scan.corrected_suffixes[i]} file")


@check(
    "exif",
    Level.WARNING,
    "images with an EXIF rotation",
    "They are rotated here, as in viewers; boxes drawn on the unrotated image are off, and mAP falls.",
)
def exif(scan: DatasetScan) -> CheckResult:
    """Find images with an orientation tag."""
    sizes = scan.sizes
    found = np.flatnonzero(scan.is_rotated).tolist()
    return image_result(scan, found, lambda i: f"{sizes[i, 0]} x {sizes[i, 1]} px after rotation; check its boxes")


def _copies(scan: DatasetScan, key: npt.NDArray[np.uint64], candidates: npt.NDArray[np.bool_]) -> CheckResult:
    """Find decodable images that are not the first with their key."""
    numbers = np.flatnonzero(scan.is_decodable & candidates)
    _, first, group = np.unique(key[numbers], return_index=True, return_inverse=True)
    original = dict(zip(numbers.tolist(), numbers[first[group]].tolist(), strict=True))
    found = [i for i, first_copy in original.items() if i != first_copy]
    return image_result(scan, found, lambda i: f"the same as {scan.paths[original[i]]}")
