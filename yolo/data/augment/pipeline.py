"""The order of the augmentations of a training input.

Images are joined and moved (one warp per image), then blended, recoloured, partly hidden, and flipped.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from yolo.data.augment.colour import random_blur, random_hsv, random_noise
from yolo.data.augment.geometry import crops_images, flip_horizontal, flip_vertical, random_crop, random_transform, warp
from yolo.data.augment.mixup import mixup
from yolo.data.augment.mosaic import TILES_IN_MOSAIC4, TILES_IN_MOSAIC9, random_mosaic
from yolo.data.augment.occlusion import cutout

if TYPE_CHECKING:
    import numpy as np

    from yolo.config.augment_settings import AugmentSettings
    from yolo.data.sample import Sample


class Images(Protocol):
    """The images that augmentations read."""

    def __len__(self) -> int: ...

    def resized(self, i: int) -> Sample:
        """Return image i with its longer side resized to that of the input."""

    def in_input(self, i: int, size_wh: tuple[int, int]) -> Sample:
        """Return image i in an input of this size."""


def augmented_sample(
    images: Images, i: int, size_wh: tuple[int, int], rng: np.random.Generator, augment: AugmentSettings
) -> Sample:
    """Return one training input.

    Args:
        images: all images; partners in mosaics and mixup are drawn from them.
        i: number of the image.
        size_wh: of the input.
        rng: source of all randomness.
        augment: probabilities and ranges.
    """
    sample = _mosaic_or_image(images, i, size_wh, rng, augment)
    if _applies(augment.mixup, rng):
        partner = int(rng.integers(len(images)))
        sample = mixup(sample, _mosaic_or_image(images, partner, size_wh, rng, augment), rng)
    return recolour_and_flip(sample, rng, augment)


def recolour_and_flip(sample: Sample, rng: np.random.Generator, augment: AugmentSettings) -> Sample:
    """Apply the augmentations after the geometric ones."""
    image = random_hsv(sample.image, rng, augment.hsv_h, augment.hsv_s, augment.hsv_v)
    if _applies(augment.blur, rng):
        image = random_blur(image, rng)
    if _applies(augment.noise, rng):
        image = random_noise(image, rng)
    sample = replace(sample, image=image)
    if _applies(augment.cutout, rng):
        sample = cutout(sample, rng)
    if rng.random() < augment.fliplr:
        sample = flip_horizontal(sample)
    if rng.random() < augment.flipud:
        sample = flip_vertical(sample)
    return sample


def _mosaic_or_image(
    images: Images, i: int, size_wh: tuple[int, int], rng: np.random.Generator, augment: AugmentSettings
) -> Sample:
    """Return a mosaic or a single image, moved."""
    if rng.random() < augment.mosaic:
        number = TILES_IN_MOSAIC9 if _applies(augment.mosaic9, rng) else TILES_IN_MOSAIC4
        others = rng.integers(len(images), size=number - 1).tolist()
        tiles = [images.resized(j) for j in (i, *others)]
        if crops_images(augment):
            tiles = [_cropped(tile, rng, augment) for tile in tiles]
        return random_mosaic(tiles, size_wh, rng, augment)
    sample = images.in_input(i, size_wh)
    matrix = random_transform(rng, augment, size_wh, size_wh)
    if crops_images(augment):
        matrix = matrix @ random_crop(rng, augment, size_wh)
    return warp(sample, matrix, size_wh)


def _cropped(tile: Sample, rng: np.random.Generator, augment: AugmentSettings) -> Sample:
    height, width = tile.image.shape[:2]
    return warp(tile, random_crop(rng, augment, (width, height)), (width, height))


def _applies(probability: float, rng: np.random.Generator) -> bool:
    """Draw whether to apply an augmentation; probability 0 draws nothing, so that new ones change no old run."""
    return probability > 0 and bool(rng.random() < probability)
