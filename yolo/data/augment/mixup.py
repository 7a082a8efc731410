"""Mixup: two images blended."""

from __future__ import annotations

import cv2
import numpy as np

from yolo.data.sample import Sample

BETA = 32.0  # both weights are near a half, so that the objects of both are visible


def mixup(first: Sample, second: Sample, rng: np.random.Generator) -> Sample:
    """Blend two samples of one size; the result has the boxes of both.

    Source: arXiv 1710.09412, with the weights of the PyTorch YOLO trainers, Beta(32, 32).
    """
    weight = rng.beta(BETA, BETA)
    image = cv2.addWeighted(first.image, weight, second.image, 1 - weight, 0)
    return Sample(
        np.asarray(image, np.uint8),
        np.concatenate([first.boxes_xyxy, second.boxes_xyxy]),
        np.concatenate([first.class_ids, second.class_ids]),
    )
