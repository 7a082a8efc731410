"""The order in which a training input is varied.

Images are put together and moved (one warp an image), then mixed, coloured, hidden in part, and flipped.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from yolo.data.augment.colour import random_blur, random_hsv, random_noise
from yolo.data.augment.geometry import crops, flip_horizontal, flip_vertical, random_crop, random_move, warp
from yolo.data.augment.mixup import mixup
from yolo.data.augment.mosaic import NUM_NINE, NUM_TILES, random_mosaic
from yolo.data.augment.occlusion import cutout

if TYPE_CHECKING:
    import numpy as np

    from yolo.config.augment_settings import AugmentSettings
    from yolo.data.sample import Sample


class Images(Protocol):
    """What the variations are made of."""

    def __len__(self) -> int: ...

    def tile(self, i: int) -> Sample:
        """Image i, its longer side as long as the longest of an input."""

    def in_input(self, i: int, size_wh: tuple[int, int]) -> Sample:
        """Image i in an input of a size."""


def augmented_sample(
    images: Images, i: int, size_wh: tuple[int, int], rng: np.random.Generator, augment: AugmentSettings
) -> Sample:
    """One training input.

    Args:
        images: all of them; partners in mosaics and mixtures are drawn from the whole.
        i: which one.
        size_wh: of the input.
        rng: all randomness.
        augment: what happens, and how much.
    """
    sample = _scene(images, i, size_wh, rng, augment)
    if _happens(augment.mixup, rng):
        partner = int(rng.integers(len(images)))
        sample = mixup(sample, _scene(images, partner, size_wh, rng, augment), rng)
    return recolour_and_flip(sample, rng, augment)


def recolour_and_flip(sample: Sample, rng: np.random.Generator, augment: AugmentSettings) -> Sample:
    """What follows when everything is in its place."""
    image = random_hsv(sample.image, rng, augment.hsv_h, augment.hsv_s, augment.hsv_v)
    if _happens(augment.blur, rng):
        image = random_blur(image, rng)
    if _happens(augment.noise, rng):
        image = random_noise(image, rng)
    sample = replace(sample, image=image)
    if _happens(augment.cutout, rng):
        sample = cutout(sample, rng)
    if rng.random() < augment.fliplr:
        sample = flip_horizontal(sample)
    if rng.random() < augment.flipud:
        sample = flip_vertical(sample)
    return sample


def _scene(
    images: Images, i: int, size_wh: tuple[int, int], rng: np.random.Generator, augment: AugmentSettings
) -> Sample:
    """A mosaic or an image, moved."""
    if rng.random() < augment.mosaic:
        number = NUM_NINE if _happens(augment.mosaic9, rng) else NUM_TILES
        others = rng.integers(len(images), size=number - 1).tolist()
        tiles = [images.tile(tile) for tile in (i, *others)]
        if crops(augment):
            tiles = [_cropped(tile, rng, augment) for tile in tiles]
        return random_mosaic(tiles, size_wh, rng, augment)
    sample = images.in_input(i, size_wh)
    matrix = random_move(rng, augment, size_wh, size_wh)
    if crops(augment):
        matrix = matrix @ random_crop(rng, augment, size_wh)
    return warp(sample, matrix, size_wh)


def _cropped(tile: Sample, rng: np.random.Generator, augment: AugmentSettings) -> Sample:
    height, width = tile.image.shape[:2]
    return warp(tile, random_crop(rng, augment, (width, height)), (width, height))


def _happens(probability: float, rng: np.random.Generator) -> bool:
    """What is off draws nothing, so that a new kind of variation changes no run that goes without."""
    return probability > 0 and bool(rng.random() < probability)
