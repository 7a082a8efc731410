"""Cutout: hide parts of an image. Axes: H and W pixels, N boxes. Source: arXiv 1708.04552."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.data.sample import Sample
from yolo.data.transforms import FILL

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_RECTANGLES = 8
SIDE_RANGE = (1 / 16, 1 / 4)  # of a rectangle, as fractions of the width and height of the image
MAX_HIDDEN_FRACTION = 0.6  # of the area of a box; boxes that are hidden more than this are dropped


def cutout(sample: Sample, rng: np.random.Generator) -> Sample:
    """Paint one to eight grey rectangles, and drop each box of which they hide more than `MAX_HIDDEN_FRACTION`."""
    height, width = sample.image.shape[:2]
    hidden = np.zeros((height, width), np.uint8)
    for centre_x, centre_y, *sides in rng.random((int(rng.integers(1, MAX_RECTANGLES + 1)), 4)).tolist():
        w, h = (SIDE_RANGE[0] + side * (SIDE_RANGE[1] - SIDE_RANGE[0]) for side in sides)
        x1, x2 = (max(0, round((centre_x + sign * w / 2) * width)) for sign in (-1, 1))
        y1, y2 = (max(0, round((centre_y + sign * h / 2) * height)) for sign in (-1, 1))
        hidden[y1:y2, x1:x2] = 1
    keep = hidden_fraction(hidden, sample.boxes_xyxy) <= MAX_HIDDEN_FRACTION
    image = sample.image.copy()
    image[hidden.astype(np.bool_)] = FILL
    return Sample(image, sample.boxes_xyxy[keep], sample.class_ids[keep])


def hidden_fraction(hidden: npt.NDArray[np.uint8], boxes_xyxy: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the hidden fraction of the area of each box, with its corners rounded to whole pixels.

    Args:
        hidden: (H, W), 1 where hidden, else 0.
        boxes_xyxy: (N, 4), inside the image.

    Returns:
        (N,), 0..1.
    """
    sums = cv2.integral(hidden)
    x1, y1, x2, y2 = np.rint(boxes_xyxy).astype(int).T
    area = np.maximum((x2 - x1) * (y2 - y1), 1)
    return np.asarray((sums[y2, x2] - sums[y1, x2] - sums[y2, x1] + sums[y1, x1]) / area, np.float64)
