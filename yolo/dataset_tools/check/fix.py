"""Writes a copy of a data set without its faults."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from yolo.data.formats.valid_boxes import TOLERANCE
from yolo.data.index import Record
from yolo.dataset_tools.check.checks.box_checks import first_of_equal
from yolo.dataset_tools.check.checks.image_checks import ROLES
from yolo.dataset_tools.convert_dataset import put_image, unique_names
from yolo.dataset_tools.writers import WRITERS
from yolo.log import progress
from yolo.storage import atomic_folder, require_absent

if TYPE_CHECKING:
    from pathlib import Path

    from yolo.dataset_tools.check.scan import DatasetScan

_log = logging.getLogger(__name__)

CHANGES = "changes.txt"  # in the new folder: every change, one a line
LEFT_OUT = {  # what is not in the copy -> the problems that say so
    "rows dropped": ("row", "class"),
    "label files left out": ("label-file", "orphan"),
    "list lines dropped": ("list", "missing-image"),
}


def write_fixed(scan: DatasetScan, out: Path, form: str) -> dict[str, int]:
    """Write a cleaned copy; the folder appears when it is complete.

    Images are copied byte for byte, EXIF data included. The truth is written anew, inside the images.

    Args:
        scan: what was read.
        out: the folder to write.
        form: the format, a key of `WRITERS`.

    Returns:
        How many changes of each kind were made; `changes.txt` in the folder names each.

    Raises:
        SettingsError: the folder exists.
    """
    require_absent("--fix", out)
    changes: list[tuple[str, str]] = []
    splits = _kept_images(scan, changes)
    kept = sorted({i for images in splits.values() for i in images})
    records = _records(scan, kept, changes)
    names = unique_names(scan.paths[i] for i in kept)
    for i in kept:
        if scan.suffixes[i]:
            path = scan.paths[i]
            names[path] = names[path].removesuffix(path.suffix) + scan.suffixes[i]
            changes.append(("images renamed to what they are", f"{path}: {names[path]}"))
    for kind, faults in LEFT_OUT.items():
        changes += [(kind, f"{p.where}: {p.text}") for p in scan.problems if p.kind in faults]
    homes = {scan.paths[i]: split for split, images in reversed(splits.items()) for i in images}
    with atomic_folder(out) as folder:
        writer = WRITERS[form](folder, out.name, scan.names)
        for record in progress(records, "write", unit=" images", delay=1):
            name, split = names[record.path], homes[record.path]
            put_image(record.path, writer.image_path(name, split), link=False)
            writer.write_truth(name, split, record)
        for split, images in splits.items():
            writer.write_list(split, [names[scan.paths[i]] for i in images])
        writer.finish()
        (folder / CHANGES).write_text("".join(f"{kind}: {text}\n" for kind, text in changes), encoding="utf-8")
    return {kind: sum(entry == kind for entry, _ in changes) for kind in dict(changes)}


def _kept_images(scan: DatasetScan, changes: list[tuple[str, str]]) -> dict[str, list[int]]:
    """The images of each split that can be used, each once, and none that a later of train, val, test has."""
    splits: dict[str, list[int]] = {}
    without_truth = {problem.image for problem in scan.problems if problem.kind == "label-file"}
    taken: dict[int, str] = {}  # pixels -> the split of `ROLES` that has them
    order = [
        *(role for role in reversed(ROLES) if role in scan.splits),
        *(s for s in scan.splits if s not in ROLES),
    ]
    for split in order:
        seen: set[int] = set()
        splits[split] = []
        for i in scan.splits[split].tolist():
            pixels, path = int(scan.pixels[i]), scan.paths[i]
            if not pixels:
                changes.append(("bad images left out", f"{path}: of {split}"))
            elif path in without_truth:
                changes.append(("images with a bad label file left out", f"{path}: of {split}"))
            elif pixels in seen:
                changes.append(("copies left out", f"{path}: is twice in {split}"))
            elif split in ROLES and pixels in taken:
                changes.append(("images taken out of a split", f"{path}: of {split}, is in {taken[pixels]} too"))
            else:
                seen.add(pixels)
                splits[split].append(i)
        if split in ROLES:
            taken |= dict.fromkeys(seen, split)
    return {split: splits[split] for split in scan.splits}


def _records(scan: DatasetScan, kept: list[int], changes: list[tuple[str, str]]) -> list[Record]:
    """The truth of the images that are kept: boxes inside them, with area, each once."""
    clipped, has_area = scan.clipped_xyxy, scan.has_area
    is_first = first_of_equal(scan) == np.arange(len(scan.lines))
    records = []
    for i in kept:
        boxes = scan.boxes_of(i)
        width, height = scan.sizes[i].tolist()
        keep = has_area[boxes] & is_first[boxes]
        moved = abs(clipped[boxes] - scan.boxes_xyxy[boxes]) > TOLERANCE * np.array([width, height] * 2)
        for kind, chosen in (
            ("boxes without area removed", ~has_area[boxes]),
            ("boxes that were there twice removed", has_area[boxes] & ~is_first[boxes]),
            ("boxes clipped to their image", keep & moved.any(axis=1)),
            ("polygons turned into boxes", keep & scan.is_polygon[boxes]),
        ):
            changes += [(kind, scan.box_place(boxes.start + int(n), i)) for n in np.flatnonzero(chosen)]
        class_ids, ignore = scan.class_ids[boxes][keep], scan.ignore[boxes][keep]
        records.append(Record(scan.paths[i], width, height, clipped[boxes][keep], class_ids, ignore))
    return records
