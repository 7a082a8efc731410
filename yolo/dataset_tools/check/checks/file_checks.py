"""Checks of image lists and label files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.dataset_tools.check.finding import CheckResult, Level, check, image_result, problem_result

if TYPE_CHECKING:
    from yolo.dataset_tools.check.scan import DatasetScan


@check("list", Level.ERROR, "image lists that cannot be read", "Training on that split stops before it starts.")
def bad_lists(scan: DatasetScan) -> CheckResult:
    """Find image lists that are missing or not text."""
    return problem_result(scan, "list")


@check(
    "missing-image",
    Level.ERROR,
    "listed images that do not exist",
    "Training stops before it starts; without these lines it has fewer examples.",
)
def missing_images(scan: DatasetScan) -> CheckResult:
    """Find list entries whose image does not exist, or may be one of several."""
    return problem_result(scan, "missing-image")


@check(
    "label-file",
    Level.ERROR,
    "label files that cannot be read",
    "Training stops; if they were taken as empty, the objects in their images would be taught as background.",
)
def bad_label_files(scan: DatasetScan) -> CheckResult:
    """Find label files that are not text, or malformed XML."""
    return problem_result(scan, "label-file")


@check(
    "no-label",
    Level.ERROR,
    "data sets without a label file",
    "There is nothing to learn or to score: training stops before it starts.",
)
def no_labels(scan: DatasetScan) -> CheckResult:
    """Find out that no image has a label file."""
    return problem_result(scan, "no-label")


@check(
    "meaning",
    Level.ERROR,
    "splits whose rows mean something else than 'class cx cy width height' in fractions",
    "Training stops; read as they are, all boxes would be wrong. --fix writes them as that, if their meaning is known.",
)
def other_meanings(scan: DatasetScan) -> CheckResult:
    """Find splits of pixels, corners or keypoints; all other checks see the boxes that they probably mean."""
    return problem_result(scan, "meaning")


@check(
    "row",
    Level.ERROR,
    "rows that do not describe an object",
    "Training stops; if they were left out, their objects would be taught as background, which lowers recall.",
)
def bad_rows(scan: DatasetScan) -> CheckResult:
    """Find rows with a wrong number of columns, or with something other than numbers."""
    return problem_result(scan, "row")


@check(
    "class",
    Level.ERROR,
    "class ids out of range",
    "Training stops; often ids count from 1 or belong to another list of names, and every class is learnt wrong.",
)
def bad_classes(scan: DatasetScan) -> CheckResult:
    """Find class ids without a name, and class names that the data set does not have."""
    return problem_result(scan, "class")


@check(
    "missing-label",
    Level.WARNING,
    "images without a label file",
    "They are taught as background: right if they show no object, else recall falls.",
)
def missing_labels(scan: DatasetScan) -> CheckResult:
    """Find images without a label file."""
    found = [i for i, path in enumerate(scan.label_paths) if path is None]
    if any(problem.kind == "no-label" for problem in scan.problems):
        found = []  # said once, of all
    return image_result(scan, found, lambda _: "no label file")


@check(
    "orphan",
    Level.WARNING,
    "label files without an image",
    "Their objects are not trained on: fewer examples, lower mAP; often the image was renamed.",
)
def orphans(scan: DatasetScan) -> CheckResult:
    """Find label files that no listed image uses."""
    return problem_result(scan, "orphan")
