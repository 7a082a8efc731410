"""Lists and label files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.dataset_tools.check.finding import Found, Level, check, of_images, of_problems

if TYPE_CHECKING:
    from yolo.dataset_tools.check.scan import DatasetScan


@check("list", Level.ERROR, "image lists that cannot be read", "Training on that split stops before it starts.")
def bad_lists(scan: DatasetScan) -> Found:
    """Lists that are missing or no text."""
    return of_problems(scan, "list")


@check(
    "missing-image",
    Level.ERROR,
    "listed images that are not there",
    "Training stops before it starts; without these lines it has fewer examples.",
)
def missing_images(scan: DatasetScan) -> Found:
    """Lines of lists whose image does not exist, or may be one of several."""
    return of_problems(scan, "missing-image")


@check(
    "label-file",
    Level.ERROR,
    "label files that cannot be read",
    "Training stops; taken as empty they would teach that the objects in their images are background.",
)
def bad_label_files(scan: DatasetScan) -> Found:
    """Label files that are no text or malformed XML."""
    return of_problems(scan, "label-file")


@check(
    "row",
    Level.ERROR,
    "rows that state no object",
    "Training stops; left out, each is an object that is taught as background, which lowers recall.",
)
def bad_rows(scan: DatasetScan) -> Found:
    """Rows with a wrong number of columns, or with something else than numbers."""
    return of_problems(scan, "row")


@check(
    "class",
    Level.ERROR,
    "class ids out of range",
    "Training stops; often ids count from 1 or belong to other names, and then every class is learnt wrong.",
)
def bad_classes(scan: DatasetScan) -> Found:
    """Ids without a name, and names that are not on the list."""
    return of_problems(scan, "class")


@check(
    "missing-label",
    Level.WARNING,
    "images without a label file",
    "They are taught as background: right where nothing is to be found, else recall falls.",
)
def missing_labels(scan: DatasetScan) -> Found:
    """Images that no label file goes with."""
    found = [i for i, path in enumerate(scan.label_paths) if path is None]
    return of_images(scan, found, lambda _: "no label file")


@check(
    "orphan",
    Level.WARNING,
    "label files without an image",
    "Their objects are not trained on: fewer examples, lower mAP; often the image was renamed.",
)
def orphans(scan: DatasetScan) -> Found:
    """Label files that no listed image uses."""
    return of_problems(scan, "orphan")
