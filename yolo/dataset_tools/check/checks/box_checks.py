"""Boxes one by one, and boxes of an image beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from yolo.boxes.box_ops import pairwise_iou
from yolo.data.formats.valid_boxes import TOLERANCE
from yolo.dataset_tools.check.finding import Found, Level, check, of_boxes

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.dataset_tools.check.scan import DatasetScan

NEAR_IOU = 0.9
INPUT_SIDE = 416  # pixels, a usual network input
TINY_SIDE = 4  # pixels of it: less than half a cell of the finest usual head (stride 8)


class Pair(NamedTuple):
    """Two boxes of an image that all but cover each other."""

    box: int
    other: int  # the earlier one
    iou: float


@check(
    "zero-size",
    Level.ERROR,
    "boxes without area",
    "They are left out of training; an object that is there but not boxed is taught as background, and recall falls.",
)
def zero_size(scan: DatasetScan) -> Found:
    """Boxes of no width or height, or wholly outside their image."""
    found = np.flatnonzero(~scan.has_area).tolist()
    return of_boxes(scan, found, lambda n, _: _size(scan.boxes_xyxy[found[n]]))


@check(
    "outside",
    Level.ERROR,
    "boxes that reach outside their image",
    "They are clipped; more than a few mean wrong units or another image size, and then all boxes are off.",
)
def outside(scan: DatasetScan) -> Found:
    """Corners outside the image by more than rounding."""
    size = _size_of_image(scan)
    off = np.maximum(-scan.boxes_xyxy, scan.boxes_xyxy - size)
    found = np.flatnonzero(scan.has_area & (off > TOLERANCE * size).any(axis=1)).tolist()
    return of_boxes(scan, found, lambda n, _: f"by {off[found[n]].max():.3g} px")


@check(
    "duplicate-box",
    Level.ERROR,
    "boxes that are there twice",
    "Two boxes on one object can never both be found: each copy costs recall.",
)
def duplicate_boxes(scan: DatasetScan) -> Found:
    """Boxes of one class with equal corners, all but the first."""
    original = first_of_equal(scan)
    found = np.flatnonzero(scan.has_area & (original != np.arange(len(original)))).tolist()
    return of_boxes(scan, found, lambda n, p: f"the same as {scan.box_place(int(original[found[n]]), p)}")


@check(
    "near-duplicate-box",
    Level.WARNING,
    f"pairs of boxes of one class that overlap by more than {NEAR_IOU:g}",
    "Non-maximum suppression keeps one of the two, so the other counts as a miss: each pair costs recall.",
)
def near_duplicate_boxes(scan: DatasetScan) -> Found:
    """Pairs with a large IoU that are not equal."""
    return _overlapping(scan, same_class=True)


@check(
    "two-classes",
    Level.WARNING,
    f"pairs of boxes of two classes that overlap by more than {NEAR_IOU:g}",
    "One object under two names: whichever the network says, the other counts as a miss or a false alarm.",
)
def two_classes(scan: DatasetScan) -> Found:
    """Pairs with a large IoU whose classes differ."""
    return _overlapping(scan, same_class=False)


@check(
    "tiny",
    Level.WARNING,
    f"boxes under {TINY_SIDE} px in a network input of {INPUT_SIDE} px",
    "Hardly any pixel is left of them, so they are missed: mAP falls; train with a larger --img-size, or cut tiles.",
)
def tiny_boxes(scan: DatasetScan) -> Found:
    """Boxes with a side that shrinks to almost nothing."""
    shapes = np.diff(scan.clipped_xyxy.reshape(-1, 2, 2), axis=1)[:, 0]
    scale = INPUT_SIDE / scan.sizes[scan.image_of].max(axis=1, initial=1)
    side = shapes.min(axis=1, initial=np.inf) * scale
    found = np.flatnonzero(scan.has_area & (side < TINY_SIDE)).tolist()
    return of_boxes(scan, found, lambda n, _: f"{_size(scan.boxes_xyxy[found[n]])}, {side[found[n]]:.1f} px")


@check(
    "polygon",
    Level.INFO,
    "polygons",
    "The boxes around them are trained on, which is exact for upright objects: mAP is that of boxes.",
)
def polygons(scan: DatasetScan) -> Found:
    """Rows of a class and three or more points."""
    found = np.flatnonzero(scan.is_polygon).tolist()
    return of_boxes(scan, found, lambda n, _: _size(scan.boxes_xyxy[found[n]]))


@check(
    "edge",
    Level.INFO,
    "boxes that touch an edge of their image",
    "Cut objects are harder to place: a high share lowers mAP at strict overlaps a little.",
)
def edge_boxes(scan: DatasetScan) -> Found:
    """Boxes with a side on the border, within rounding."""
    size = _size_of_image(scan)
    distance = np.minimum(abs(scan.clipped_xyxy), abs(scan.clipped_xyxy - size))
    found = np.flatnonzero(scan.has_area & (distance <= TOLERANCE * size).any(axis=1)).tolist()
    return of_boxes(scan, found, lambda n, _: _size(scan.boxes_xyxy[found[n]]))


def first_of_equal(scan: DatasetScan) -> npt.NDArray[np.int64]:
    """(N,): of the boxes of an image with this one's class and corners, the number of the first."""
    keys = np.column_stack([scan.image_of, scan.class_ids, scan.clipped_xyxy])
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[group.reshape(-1)], np.int64)


def _overlapping(scan: DatasetScan, *, same_class: bool) -> Found:
    keep = scan.has_area & (first_of_equal(scan) == np.arange(len(scan.lines)))
    pairs = [pair for image in range(len(scan.paths)) for pair in _near_pairs(scan, image, keep)]
    pairs = [pair for pair in pairs if (scan.class_ids[pair.box] == scan.class_ids[pair.other]) == same_class]

    def describe(number: int, image: int) -> str:
        pair = pairs[number]
        other = scan.names[scan.class_ids[pair.other]]
        return f"IoU {pair.iou:.3f} with the {other} of {scan.box_place(pair.other, image)}"

    return of_boxes(scan, [pair.box for pair in pairs], describe)


def _near_pairs(scan: DatasetScan, image: int, keep: npt.NDArray[np.bool_]) -> list[Pair]:
    chosen = scan.boxes_of(image)
    numbers = np.flatnonzero(keep[chosen]) + chosen.start
    if len(numbers) < 2:
        return []
    boxes = torch.from_numpy(scan.boxes_xyxy[numbers])
    overlap = np.tril(pairwise_iou(boxes, boxes).numpy(), -1)
    later, earlier = np.nonzero(overlap > NEAR_IOU)
    return [Pair(int(numbers[i]), int(numbers[j]), float(overlap[i, j])) for i, j in zip(later, earlier, strict=True)]


def _size_of_image(scan: DatasetScan) -> npt.NDArray[np.int32]:
    """(N, 4): width, height, width, height of each box's image."""
    return np.tile(scan.sizes[scan.image_of], 2)


def _size(box_xyxy: npt.NDArray[np.float64]) -> str:
    return f"{box_xyxy[2] - box_xyxy[0]:.3g} x {box_xyxy[3] - box_xyxy[1]:.3g} px"
