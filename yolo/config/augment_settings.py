"""How much training images are varied."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from yolo.errors import SettingsError

LIMITS = {"degrees": (0, 180), "scale": (0, 0.9), "shear": (0, 45), "perspective": (0, 0.001), "resize": (0.5, 2)}
MIN_LEFT = 0.05  # of an image's width and height, however far jitter and resize cut


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentSettings:
    """How training images are varied; all zero (and resize 1) changes nothing."""

    hsv_h: float = 0.0138
    """Hue gain: at most this part more or less, 0..1."""
    hsv_s: float = 0.678
    """Saturation gain: at most this part more or less, 0..1."""
    hsv_v: float = 0.36
    """Brightness gain: at most this part more or less, 0..1."""
    degrees: float = 0.0
    """Rotation: at most this to either side, 0..180 degrees."""
    translate: float = 0.0
    """Shift: at most this part of the input's width and height, 0..1."""
    scale: float = 0.0
    """Zoom: at most this part larger or smaller, 0..0.9."""
    shear: float = 0.0
    """Shear: at most this in x and in y, 0..45 degrees."""
    perspective: float = 0.0
    """Tilt: at most this change of scale a pixel, of an input of 640 pixels, 0..0.001."""
    jitter: float = 0.0
    """Crop by Darknet's rule, sides apart: each moves in or out by at most this part of the image, 0..0.47."""
    resize: float = 1.0
    """Crop by Darknet's rule, sides together: in or out by at most this factor; below 1 only out, 0.5..2."""
    flipud: float = 0.0
    """Probability of an upside-down flip, 0..1."""
    fliplr: float = 0.5
    """Probability of a left-right flip, 0..1."""
    mosaic: float = 1.0
    """Probability that more images join in a mosaic, 0..1."""
    mosaic9: float = 0.0
    """Probability that a mosaic has nine images instead of four, 0..1."""
    mixup: float = 0.0
    """Probability that a second image, or mosaic, shines through, 0..1."""
    blur: float = 0.0
    """Probability of a Gaussian blur of up to 2 pixels, 0..1."""
    noise: float = 0.0
    """Probability of noise on each pixel, of up to 32 levels, 0..1."""
    cutout: float = 0.0
    """Probability that up to eight grey rectangles hide parts, 0..1."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), LIMITS.get(field.name, (0, 1))
            if not low <= value <= high:
                raise SettingsError(f"augment.{field.name}: {value} is out of range; use {low}..{high:g}")
        most = math.floor(50 * (min(1, 1 / self.resize) - MIN_LEFT)) / 100
        if self.jitter > most:
            raise SettingsError(
                f"augment.jitter: {self.jitter} with augment.resize {self.resize} could cut a whole image off; "
                f"use at most {most:.2f}"
            )

    def without_mosaic(self) -> AugmentSettings:
        """For the last epochs: images as they are met in use, one at a time."""
        return replace(self, mosaic=0.0, mosaic9=0.0, mixup=0.0)
