"""Checks of single boxes and of pairs of boxes in an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from yolo.boxes.box_ops import pairwise_iou
from yolo.data.formats.valid_boxes import TOLERANCE
from yolo.dataset_tools.check.finding import CheckResult, Level, box_result, check

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.dataset_tools.check.scan import DatasetScan

NEAR_IOU = 0.9
INPUT_SIDE = 416  # pixels, a usual network input
TINY_SIDE = 4  # pixels of it: half a cell of the finest usual head (stride 8)


class BoxPair(NamedTuple):
    """Two boxes of an image that overlap almost completely."""

    box: int
    earlier: int  # the one that comes first in the label file
    iou: float


@check(
    "zero-size",
    Level.ERROR,
    "boxes without area",
    "They are left out of training; an object that is there but not boxed is taught as background, and recall falls.",
)
def zero_size(scan: DatasetScan) -> CheckResult:
    """Find boxes of no width or height, or wholly outside their image."""
    found = np.flatnonzero(~scan.has_area).tolist()
    return box_result(scan, found, lambda n, _: _format_size(scan.boxes_xyxy[found[n]]))


@check(
    "outside",
    Level.ERROR,
    "boxes that reach outside their image",
    "They are clipped; if there are many, their unit or image size is probably wrong, and all boxes are off.",
)
def outside(scan: DatasetScan) -> CheckResult:
    """Find boxes with corners outside the image by more than rounding."""
    size = _image_size_of_boxes(scan)
    excess = np.maximum(-scan.boxes_xyxy, scan.boxes_xyxy - size)
    found = np.flatnonzero(scan.has_area & (excess > TOLERANCE * size).any(axis=1)).tolist()
    return box_result(scan, found, lambda n, _: f"by {excess[found[n]].max():.3g} px")


@check(
    "duplicate-box",
    Level.ERROR,
    "duplicate boxes",
    "Two boxes on one object can never both be found: each copy costs recall.",
)
def duplicate_boxes(scan: DatasetScan) -> CheckResult:
    """Find boxes of one class with equal corners, except the first."""
    first = first_of_equal(scan)
    found = np.flatnonzero(scan.has_area & (first != np.arange(len(first)))).tolist()
    return box_result(scan, found, lambda n, image: f"the same as {scan.where_box(int(first[found[n]]), image)}")


@check(
    "near-duplicate-box",
    Level.WARNING,
    f"pairs of boxes of one class with an IoU above {NEAR_IOU:g}",
    "Non-maximum suppression keeps one of the two, so the other counts as a miss: each pair costs recall.",
)
def near_duplicate_boxes(scan: DatasetScan) -> CheckResult:
    """Find pairs of boxes of one class with a large IoU that are not equal."""
    return _overlapping_pairs(scan, same_class=True)


@check(
    "two-classes",
    Level.WARNING,
    f"pairs of boxes of two classes with an IoU above {NEAR_IOU:g}",
    "One object has two names: whichever the network predicts, the other counts as a miss or a false alarm.",
)
def two_classes(scan: DatasetScan) -> CheckResult:
    """Find pairs of boxes with a large IoU whose classes differ."""
    return _overlapping_pairs(scan, same_class=False)


@check(
    "tiny",
    Level.WARNING,
    f"boxes under {TINY_SIDE} px in a network input of {INPUT_SIDE} px",
    "Hardly any pixel is left of them, so they are missed: mAP falls; train with a larger --img-size, or cut tiles.",
)
def tiny_boxes(scan: DatasetScan) -> CheckResult:
    """Find boxes with a side that shrinks to almost nothing."""
    shapes_wh = np.diff(scan.clipped_xyxy.reshape(-1, 2, 2), axis=1)[:, 0]
    scale = INPUT_SIDE / scan.sizes[scan.image_of_box].max(axis=1, initial=1)
    side = shapes_wh.min(axis=1, initial=np.inf) * scale
    found = np.flatnonzero(scan.has_area & (side < TINY_SIDE)).tolist()
    return box_result(scan, found, lambda n, _: f"{_format_size(scan.boxes_xyxy[found[n]])}, {side[found[n]]:.1f} px")


@check(
    "polygon",
    Level.INFO,
    "polygons",
    "Training uses their bounding boxes, which is exact for upright objects: mAP is that of boxes.",
)
def polygons(scan: DatasetScan) -> CheckResult:
    """Find rows of a class and three or more points."""
    found = np.flatnonzero(scan.is_polygon).tolist()
    return box_result(scan, found, lambda n, _: _format_size(scan.boxes_xyxy[found[n]]))


@check(
    "edge",
    Level.INFO,
    "boxes that touch an edge of their image",
    "Cut objects are harder to localize: a large fraction of them lowers mAP at strict IoU thresholds a little.",
)
def edge_boxes(scan: DatasetScan) -> CheckResult:
    """Find boxes with a side on the border, within rounding."""
    size = _image_size_of_boxes(scan)
    distance = np.minimum(abs(scan.clipped_xyxy), abs(scan.clipped_xyxy - size))
    found = np.flatnonzero(scan.has_area & (distance <= TOLERANCE * size).any(axis=1)).tolist()
    return box_result(scan, found, lambda n, _: _format_size(scan.boxes_xyxy[found[n]]))


def first_of_equal(scan: DatasetScan) -> npt.NDArray[np.int64]:
    """Return (N,), the number of the first box in the same image with the same class and corners."""
    keys = np.column_stack([scan.image_of_box, scan.class_ids, scan.clipped_xyxy])
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[group.reshape(-1)], np.int64)


def _overlapping_pairs(scan: DatasetScan, *, same_class: bool) -> CheckResult:
    keep = scan.has_area & (first_of_equal(scan) == np.arange(len(scan.lines)))
    pairs = [pair for image in range(len(scan.paths)) for pair in _near_pairs(scan, image, keep)]
    pairs = [pair for pair in pairs if (scan.class_ids[pair.box] == scan.class_ids[pair.earlier]) == same_class]

    def describe(position: int, image: int) -> str:
        pair = pairs[position]
        name = scan.names[scan.class_ids[pair.earlier]]
        return f"IoU {pair.iou:.3f} with the {name} of {scan.where_box(pair.earlier, image)}"

    return box_result(scan, [pair.box for pair in pairs], describe)


def _near_pairs(scan: DatasetScan, image: int, keep: npt.NDArray[np.bool_]) -> list[BoxPair]:
    boxes = scan.boxes_of(image)
    numbers = np.flatnonzero(keep[boxes]) + boxes.start
    if len(numbers) < 2:
        return []
    boxes_xyxy = torch.from_numpy(scan.boxes_xyxy[numbers])
    overlap = np.tril(pairwise_iou(boxes_xyxy, boxes_xyxy).numpy(), -1)
    later, earlier = np.nonzero(overlap > NEAR_IOU)
    return [
        BoxPair(int(numbers[i]), int(numbers[j]), float(overlap[i, j])) for i, j in zip(later, earlier, strict=True)
    ]


def _image_size_of_boxes(scan: DatasetScan) -> npt.NDArray[np.int32]:
    """Return (N, 4): width, height, width, height of each box's image."""
    return np.tile(scan.sizes[scan.image_of_box], 2)


def _format_size(box_xyxy: npt.NDArray[np.float64]) -> str:
    return f"{box_xyxy[2] - box_xyxy[0]:.3g} x {box_xyxy[3] - box_xyxy[1]:.3g} px"
