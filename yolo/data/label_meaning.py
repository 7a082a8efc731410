"""Recognise rows of label files that do not mean `class cx cy width height` in fractions of the image.

Such rows can be read, and their boxes look like boxes: pixels, corners, and boxes with keypoints, which have as many
columns as a polygon. All rows of a split together tell them apart. Axes: N rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from yolo.data.labels import Labels

    Boxes = npt.NDArray[np.float64]

SLACK = 0.02  # of a side; boxes that reach further outside their image are not drawn so
MIN_ROWS = 4  # fewer rows in fractions may look like anything
MIN_ROWS_LEFT_TOP = 20
NOT_A_FRACTION = 1.5
KEYPOINTS = "a box and keypoints (class cx cy width height x1 y1 ...)"
UNKNOWN = "coordinates that are no fractions, of another image size or unit"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the rows of a split probably mean."""

    title: str
    boxes_xyxy: Boxes  # (N, 4), pixels, read so; as they were if the meaning is unknown

    @property
    def is_known(self) -> bool:
        """False if the boxes cannot be read."""
        return self.title != UNKNOWN


def likely_meaning(labels: Sequence[Labels], sizes: Sequence[tuple[int, int]]) -> Meaning | None:
    """Return what the rows of a split probably mean, if that is not `class cx cy width height` or a polygon.

    Args:
        labels: the rows of each image.
        sizes: width and height of each image, pixels.
    """
    counts = [len(entry.lines) for entry in labels]
    if not sum(counts):
        return None
    boxes_xyxy = np.concatenate([entry.boxes_xyxy for entry in labels])
    size_wh = np.repeat(np.array(sizes, np.float64).reshape(-1, 2), counts, axis=0)
    keypoint_boxes = np.concatenate([_keypoint_boxes(entry) for entry in labels])
    is_keypoints = ~np.isnan(keypoint_boxes[:, 0])
    is_polygon = np.array([line in set(entry.polygon_lines) for entry in labels for line in entry.lines], np.bool_)
    is_long = is_polygon | is_keypoints
    is_sure = len(is_long) >= MIN_ROWS or not is_polygon.any()
    if is_sure and is_keypoints.sum() >= max(0.5 * len(is_long), 0.9 * is_long.sum()):
        return Meaning(KEYPOINTS, np.where(is_keypoints[:, None], keypoint_boxes, boxes_xyxy))
    chosen = is_polygon if is_polygon.mean() > 0.5 else ~is_long
    chosen &= np.isfinite(boxes_xyxy).all(axis=1) & (size_wh > 0).all(axis=1)
    if not chosen.any():
        return None
    find = _of_polygons if is_polygon.mean() > 0.5 else _of_plain_rows
    found = find(boxes_xyxy[chosen], size_wh[chosen])
    if found is None:
        return None
    meant_xyxy = boxes_xyxy.copy()
    meant_xyxy[chosen] = found.boxes_xyxy
    return Meaning(found.title, meant_xyxy)


def _keypoint_boxes(labels: Labels) -> Boxes:
    given = labels.keypoint_boxes_xyxy
    return np.full((len(labels.lines), 4), np.nan) if given is None else given


def _of_polygons(boxes_xyxy: Boxes, size_wh: Boxes) -> Meaning | None:
    """Return the likely meaning of polygons, whose boxes were read as fractions, if it is not that."""
    values = boxes_xyxy / np.tile(size_wh, 2)
    if (values > NOT_A_FRACTION).any(axis=1).mean() <= 0.5:
        return None
    is_in_pixels = _is_inside(values, size_wh).mean() >= 0.9
    return Meaning("polygons in pixels", values) if is_in_pixels else Meaning(UNKNOWN, boxes_xyxy)


def _of_plain_rows(boxes_xyxy: Boxes, size_wh: Boxes) -> Meaning | None:
    """Return the likely meaning of rows of five columns, whose boxes were read as centres and sizes in fractions."""
    whole = np.tile(size_wh, 2)
    first, second = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2, boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    values = np.concatenate([first, second], axis=1) / whole  # (N, 4), as they are written
    outside = ~_is_inside(boxes_xyxy, size_wh)
    if len(values) and (values > NOT_A_FRACTION).any(axis=1).mean() > 0.5:
        readings = {title: read(values) for title, read in PIXELS.items()}
        shares = {title: _is_inside(boxes, size_wh).mean() for title, boxes in readings.items()}
        best = max(shares, key=lambda title: shares[title])  # the first of equals
        return Meaning(best, readings[best]) if shares[best] >= 0.9 else Meaning(UNKNOWN, boxes_xyxy)
    if len(values) < MIN_ROWS or not outside.any():
        return None
    corners = values * whole
    if outside.mean() > 0.5 and _is_inside(corners, size_wh).mean() >= 0.99:
        return Meaning(CORNERS.format("fractions"), corners)
    left_top = _from_left_top(values) * whole
    is_past_far_side = (boxes_xyxy[:, 2:] > size_wh * (1 + SLACK)).any()
    share = 0.25 if len(values) >= MIN_ROWS_LEFT_TOP else 0.5
    if outside.mean() > share and not is_past_far_side and _is_inside(left_top, size_wh).all():
        return Meaning(LEFT_TOP.format("fractions"), left_top)
    return None


def _is_inside(boxes_xyxy: Boxes, size_wh: Boxes) -> npt.NDArray[np.bool_]:
    """Return which boxes have an area and lie in their images, but for some slack, (N,)."""
    slack = np.tile(size_wh * SLACK, 2)
    has_area = (boxes_xyxy[:, 2:] > boxes_xyxy[:, :2]).all(axis=1)
    in_image = (boxes_xyxy >= -slack) & (boxes_xyxy <= np.tile(size_wh, 2) + slack)
    return np.asarray(has_area & in_image.all(axis=1))


def _from_centre(values: Boxes) -> Boxes:
    return np.concatenate([values[:, :2] - values[:, 2:] / 2, values[:, :2] + values[:, 2:] / 2], axis=1)


def _from_left_top(values: Boxes) -> Boxes:
    return np.concatenate([values[:, :2], values[:, :2] + values[:, 2:]], axis=1)


CORNERS = "corners in {} (class x1 y1 x2 y2)"
LEFT_TOP = "left, top, width and height in {}"
PIXELS: dict[str, Callable[[Boxes], Boxes]] = {  # the likeliest first
    "centre, width and height in pixels (class cx cy width height)": _from_centre,
    CORNERS.format("pixels"): lambda values: values,
    LEFT_TOP.format("pixels"): _from_left_top,
}
