"""Weights that draw some images more often: those with rare classes, and with classes that are found badly.

Axes: M images, N boxes, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from yolo.data.index import Index

MIN_ERROR = 0.01  # a class that is found perfectly still counts this much


def ap_name(class_name: str) -> str:
    """Under what name a run records the average precision of a class."""
    return f"AP50-95/{class_name}"


def image_weights(index: Index, record: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """Return the probability of drawing each image.

    An object weighs (1 - AP of its class) / (number of objects of its class), an image the sum of its objects.
    Images without objects keep their share of the data set, so that background is still learnt.

    Args:
        index: the training split; regions to ignore do not count.
        record: numbers of the last epoch by name; classes without `ap_name` in it count as not found at all.

    Returns:
        (M,), sum 1.

    Source: the recipe of the 2018-2020 PyTorch YOLOv3 trainers. Differs: there an image without objects never comes.
    """
    counts_K = np.bincount(index.all_class_ids[~index.all_ignore], minlength=len(index.names))
    errors_K = np.array([max(1 - record.get(ap_name(name), 0.0), MIN_ERROR) for name in index.names])
    per_box = np.where(index.all_ignore, 0.0, (errors_K / np.maximum(counts_K, 1))[index.all_class_ids])
    image_of_box = np.repeat(np.arange(len(index)), np.diff(index.box_ends))
    weights = np.bincount(image_of_box, weights=per_box, minlength=len(index))
    with_objects = weights > 0
    weights[~with_objects] = weights[with_objects].mean() if with_objects.any() else 1.0
    return np.asarray(weights / weights.sum(), np.float64)
