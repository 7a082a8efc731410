"""Clip boxes to their images, drop boxes without area, and report both once for each split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.data.index import Record

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from yolo.data.labels import Labels

TOLERANCE = 1e-6  # relative to the image's side: rounding of written fractions is not reported


class BoxCleaner:
    """Turns labels into records, with boxes clipped to the image and boxes without area dropped.

    Args:
        title: name of the split in the messages.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._num_boxes = 0
        self._clipped: list[str] = []  # `path:line` of each
        self._dropped: list[str] = []
        self._polygons: list[str] = []

    def record(self, image: Path, width: int, height: int, labels: Labels | None) -> Record:
        """Return the record of an image of width x height pixels; labels are None if it has no objects."""
        if labels is None:
            return Record(image, width, height, np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, np.bool_))
        size = np.array([width, height, width, height], np.float64)
        boxes_xyxy, keep = clip_boxes(labels.boxes_xyxy, (width, height))
        clipped = keep & np.any(abs(boxes_xyxy - labels.boxes_xyxy) > TOLERANCE * size, axis=1)
        self._num_boxes += len(labels.lines)
        self._clipped += [labels.where(i) for i in np.flatnonzero(clipped).tolist()]
        self._dropped += [labels.where(i) for i in np.flatnonzero(~keep).tolist()]
        self._polygons += [f"{labels.path}:{line}" for line in labels.polygon_lines]
        areas = None
        if labels.areas is not None:
            box_areas = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
            areas = np.where(np.isnan(labels.areas), box_areas, labels.areas)[keep]
        return Record(image, width, height, boxes_xyxy[keep], labels.class_ids[keep], labels.ignore[keep], areas)

    def messages(self) -> list[str]:
        """Return one warning each for all clipped boxes, all dropped boxes and all polygons."""
        return [
            f"{self._title}: {len(offenders)} of {self._num_boxes} boxes {what}; the first is {offenders[0]}"
            for offenders, what in (
                (self._clipped, "reach outside their image and are clipped to it"),
                (self._dropped, "have no area inside their image and are dropped"),
                (self._polygons, "are polygons; the boxes around them are used"),
            )
            if offenders
        ]


def clip_boxes(
    boxes_xyxy: npt.NDArray[np.float64], size: tuple[int, int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Clip boxes (N, 4) to an image of this width and height, pixels; also return which have an area, (N,)."""
    clipped_xyxy = np.clip(boxes_xyxy, 0, size * 2)
    return clipped_xyxy, np.all(clipped_xyxy[:, 2:] > clipped_xyxy[:, :2], axis=1)
