"""Settings of augmentation."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from yolo.errors import SettingsError

LIMITS = {"degrees": (0, 180), "scale": (0, 0.9), "shear": (0, 45), "perspective": (0, 0.001), "resize": (0.5, 2)}
MIN_REST = 0.05  # minimum rest of width and height after jitter and resize


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentSettings:
    """Augmentation of training images; all zero (and resize 1) changes nothing."""

    hsv_h: float = 0.0138
    """Maximum relative change of hue, 0..1."""
    hsv_s: float = 0.678
    """Maximum relative change of saturation, 0..1."""
    hsv_v: float = 0.36
    """Maximum relative change of brightness, 0..1."""
    degrees: float = 0.0
    """Maximum rotation to either side, 0..180 degrees."""
    translate: float = 0.0
    """Maximum shift, as a fraction of the input's width and height, 0..1."""
    scale: float = 0.0
    """Maximum relative change of size, 0..0.9."""
    shear: float = 0.0
    """Maximum shear in x and in y, 0..45 degrees."""
    perspective: float = 0.0
    """Maximum tilt: change of scale per pixel of an input of 640 pixels, 0..0.001."""
    jitter: float = 0.0
    """Darknet's jitter: each side moves in or out by at most this fraction of the image, 0..0.47."""
    resize: float = 1.0
    """Darknet's resize: all sides move in or out by at most this factor; below 1 only out, 0.5..2."""
    flipud: float = 0.0
    """Probability of an upside-down flip, 0..1."""
    fliplr: float = 0.5
    """Probability of a left-right flip, 0..1."""
    mosaic: float = 1.0
    """Probability of a mosaic of several images, 0..1."""
    mosaic9: float = 0.0
    """Probability that a mosaic has nine images instead of four, 0..1."""
    mixup: float = 0.0
    """Probability of mixup with a second image or mosaic, 0..1."""
    blur: float = 0.0
    """Probability of a Gaussian blur of up to 2 pixels, 0..1."""
    noise: float = 0.0
    """Probability of noise of up to 32 levels, 0..1."""
    cutout: float = 0.0
    """Probability of cutout: up to eight grey rectangles, 0..1."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), LIMITS.get(field.name, (0, 1))
            if not low <= value <= high:
                raise SettingsError(f"augment.{field.name}: {value} is out of range; use {low}..{high:g}")
        limit = math.floor(50 * (min(1, 1 / self.resize) - MIN_REST)) / 100
        if self.jitter > limit:
            raise SettingsError(
                f"augment.jitter: {self.jitter} with augment.resize {self.resize} could cut a whole image off; "
                f"use at most {limit:.2f}"
            )

    def without_mosaic(self) -> AugmentSettings:
        """Return the settings without mosaic and mixup, for the last epochs."""
        return replace(self, mosaic=0.0, mosaic9=0.0, mixup=0.0)
