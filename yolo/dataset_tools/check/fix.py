"""Write a copy of a data set without its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.data.formats.valid_boxes import TOLERANCE
from yolo.data.index import Record
from yolo.data.writers import WRITERS
from yolo.data.writers.write_dataset import unique_names, write_dataset
from yolo.dataset_tools.check.checks.box_checks import first_of_equal
from yolo.dataset_tools.check.checks.image_checks import DISJOINT_SPLITS
from yolo.storage import atomic_folder, require_absent

if TYPE_CHECKING:
    from pathlib import Path

    from yolo.dataset_tools.check.scan import DatasetScan

CHANGES_FILE = "changes.txt"  # in the new folder; one line per change
PROBLEMS_OF_CHANGE = {  # kind of change -> kinds of problems that it removes
    "splits whose rows were rewritten": ("meaning",),
    "rows dropped": ("row", "class"),
    "label files left out": ("label-file", "orphan"),
    "list lines dropped": ("list", "missing-image"),
}


def write_fixed(scan: DatasetScan, out: Path, format_name: str) -> dict[str, int]:
    """Write a cleaned copy; the folder appears when it is complete.

    Images are copied byte for byte, including EXIF data. Boxes are clipped to their images.

    Args:
        scan: what was read of the data set.
        out: the folder to write.
        format_name: a key of `WRITERS`.

    Returns:
        The number of changes of each kind; `changes.txt` in the folder lists them all.

    Raises:
        SettingsError: the folder exists.
    """
    require_absent("--fix", out)
    changes: list[tuple[str, str]] = []
    splits = _images_to_keep(scan, changes)
    kept = sorted({i for images in splits.values() for i in images})
    records = _clean_records(scan, kept, changes)
    names = unique_names(scan.paths[i] for i in kept)
    for i in kept:
        if scan.corrected_suffixes[i]:
            path = scan.paths[i]
            names[path] = names[path].removesuffix(path.suffix) + scan.corrected_suffixes[i]
            changes.append(("images renamed to their format", f"{path}: {names[path]}"))
    for kind, problem_kinds in PROBLEMS_OF_CHANGE.items():
        changes += [(kind, f"{p.where}: {p.text}") for p in scan.problems if p.kind in problem_kinds]
    with atomic_folder(out) as folder:
        writer = WRITERS[format_name](folder, out.name, scan.names)
        paths = {split: [scan.paths[i] for i in images] for split, images in splits.items()}
        write_dataset(writer, records, paths, names, link=False)
        lines = "".join(f"{kind}: {text}\n" for kind, text in changes)
        (folder / CHANGES_FILE).write_text(lines, encoding="utf-8")
    return {kind: sum(entry == kind for entry, _ in changes) for kind in dict(changes)}


def _images_to_keep(scan: DatasetScan, changes: list[tuple[str, str]]) -> dict[str, list[int]]:
    """Return the usable images of each split, without copies.

    An image that several of train, val and test contain stays only in the last of them, in this order.
    """
    splits: dict[str, list[int]] = {}
    without_labels = {problem.image for problem in scan.problems if problem.kind == "label-file"}
    split_of_hash: dict[int, str] = {}
    disjoint = [split for split in reversed(DISJOINT_SPLITS) if split in scan.splits]
    for split in [*disjoint, *(split for split in scan.splits if split not in DISJOINT_SPLITS)]:
        seen: set[int] = set()
        splits[split] = []
        for i in scan.splits[split].tolist():
            pixel_hash, path = int(scan.pixel_hashes[i]), scan.paths[i]
            if not pixel_hash:
                changes.append(("bad images left out", f"{path}: in {split}"))
            elif path in without_labels:
                changes.append(("images with a bad label file left out", f"{path}: in {split}"))
            elif pixel_hash in seen:
                changes.append(("copies left out", f"{path}: occurs more than once in {split}"))
            elif split in DISJOINT_SPLITS and pixel_hash in split_of_hash:
                text = f"{path}: in {split}, also in {split_of_hash[pixel_hash]}"
                changes.append(("images removed from a split", text))
            else:
                seen.add(pixel_hash)
                splits[split].append(i)
        if split in DISJOINT_SPLITS:
            split_of_hash |= dict.fromkeys(seen, split)
    return {split: splits[split] for split in scan.splits}


def _clean_records(scan: DatasetScan, kept: list[int], changes: list[tuple[str, str]]) -> list[Record]:
    """Return the records of images, with boxes that are clipped, have area, and occur once."""
    clipped_xyxy, has_area = scan.clipped_xyxy, scan.has_area
    is_first = first_of_equal(scan) == np.arange(len(scan.lines))
    records = []
    for i in kept:
        boxes = scan.boxes_of(i)
        width, height = scan.sizes[i].tolist()
        keep = has_area[boxes] & is_first[boxes]
        moved = abs(clipped_xyxy[boxes] - scan.boxes_xyxy[boxes]) > TOLERANCE * np.array([width, height] * 2)
        for kind, chosen in (
            ("boxes without area removed", ~has_area[boxes]),
            ("duplicate boxes removed", has_area[boxes] & ~is_first[boxes]),
            ("boxes clipped to their image", keep & moved.any(axis=1)),
            ("polygons replaced by boxes", keep & scan.is_polygon[boxes]),
        ):
            changes += [(kind, scan.where_box(boxes.start + int(n), i)) for n in np.flatnonzero(chosen)]
        class_ids, ignore = scan.class_ids[boxes][keep], scan.ignore[boxes][keep]
        records.append(Record(scan.paths[i], width, height, clipped_xyxy[boxes][keep], class_ids, ignore))
    return records
