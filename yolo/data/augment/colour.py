"""Augmentation of pixel values; boxes do not change.

Axes: H and W pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_BLUR = 2.0  # standard deviation, pixels
MAX_NOISE = 32  # levels of 256


def random_hsv(
    image: npt.NDArray[np.uint8], rng: np.random.Generator, h: float, s: float, v: float
) -> npt.NDArray[np.uint8]:
    """Multiply hue (modulo 180), saturation and value (both up to 255) by a gain each.

    Args:
        image: (H, W, 3), BGR.
        rng: draws the gains, 1 plus or minus at most `h`, `s` and `v`.
        h: range of the hue gain.
        s: range of the saturation gain.
        v: range of the value gain.
    """
    gains = 1 + rng.uniform(-1, 1, 3) * (h, s, v)
    if not (h or s or v):
        return image  # the conversion to HSV and back is not exact
    table = np.arange(256)[:, None] * gains
    table[:, 0] %= 180
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    hsv = cv2.LUT(hsv, table.clip(max=255).astype(np.uint8)[:, None], hsv)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR, hsv), np.uint8)


def random_blur(image: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Blur with a Gaussian of a random width."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, MAX_BLUR)), np.uint8)


def random_noise(image: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Add uniform noise of a random amplitude to each value."""
    amplitude = int(rng.integers(1, MAX_NOISE + 1))
    noise = rng.integers(-amplitude, amplitude + 1, image.shape, np.int8)
    return np.asarray(cv2.add(image, noise.astype(np.int16), dtype=cv2.CV_8U), np.uint8)
