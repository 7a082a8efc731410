"""The detections of a whole split: what every score, table and image of an evaluation is made of."""

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
    """Detections of all images as flat arrays: no object per box. Axes: D detections."""

    image_id: npt.NDArray[np.int64]  # (D,), number of the image in its index
    xyxy: npt.NDArray[np.float64]  # (D, 4), pixels of the image
    score: npt.NDArray[np.float64]  # (D,)
    class_id: npt.NDArray[np.int64]  # (D,)

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> FlatDetections:
        """Those of some positions, in their order, or of a mask."""
        return FlatDetections(self.image_id[chosen], self.xyxy[chosen], self.score[chosen], self.class_id[chosen])


def by_image(index: Index, image_id: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """For each image of an index, in order, the positions in `image_id` (D,) that are its own, in their order."""
    order = np.argsort(image_id, kind="stable")
    ends = np.searchsorted(image_id[order], np.arange(len(index) + 1))
    return (order[start:end] for start, end in pairwise(ends))


def image_of_truth(index: Index) -> npt.NDArray[np.int64]:
    """(N,): the number of the image that each truth of an index is in."""
    return np.repeat(np.arange(len(index)), np.diff(index.box_ends))


def counts_of_classes(index: Index) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of each class, (K,): the images with at least one truth, and the truths; those to ignore do not count."""
    counted = ~index.all_ignore
    class_id = index.all_class_ids[counted]
    pairs = np.unique(np.stack([image_of_truth(index)[counted], class_id]), axis=1)
    num_classes = len(index.names)
    return np.bincount(pairs[1], minlength=num_classes), np.bincount(class_id, minlength=num_classes)
