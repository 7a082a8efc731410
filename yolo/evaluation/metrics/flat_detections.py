"""The detections of a whole split as flat arrays, and the ground truth of a split by image and class.

Axes: D detections and N ground-truth boxes over all images, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from yolo.data.index import Index


@dataclass(frozen=True, slots=True)
class FlatDetections:
    """Detections of all images as flat arrays, without an object per box."""

    image_id: npt.NDArray[np.int64]  # (D,), position of the image in its index
    xyxy: npt.NDArray[np.float64]  # (D, 4), pixels of the image
    score: npt.NDArray[np.float64]  # (D,)
    class_id: npt.NDArray[np.int64]  # (D,)

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> FlatDetections:
        """Return the detections at these positions, in this order, or where a mask is true."""
        return FlatDetections(self.image_id[chosen], self.xyxy[chosen], self.score[chosen], self.class_id[chosen])


def group_by_image(index: Index, image_id: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Yield, for each image of an index, the positions in `image_id` (D,) that hold it, in ascending order."""
    order = np.argsort(image_id, kind="stable")
    ends = np.searchsorted(image_id[order], np.arange(len(index) + 1))
    return (order[start:end] for start, end in pairwise(ends))


def gt_image_ids(index: Index) -> npt.NDArray[np.int64]:
    """Return the position of the image that each ground-truth box is in, (N,)."""
    return np.repeat(np.arange(len(index)), np.diff(index.box_ends))


def count_gt_per_class(index: Index) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the number of images with ground truth of each class, and of ground-truth boxes, both (K,).

    Ignored boxes do not count.
    """
    is_counted = ~index.all_ignore
    class_id = index.all_class_ids[is_counted]
    image_class_pairs = np.unique(np.stack([gt_image_ids(index)[is_counted], class_id]), axis=1)
    num_classes = len(index.names)
    return np.bincount(image_class_pairs[1], minlength=num_classes), np.bincount(class_id, minlength=num_classes)
