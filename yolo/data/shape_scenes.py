"""Draws images of plain shapes, with exact boxes: a detection problem that needs no download.

Axes: H and W pixels, N objects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

NAMES = ("circle", "square", "triangle", "star", "cross", "ring")
SIZES = ((192, 192), (224, 192), (256, 192), (192, 256), (256, 224))  # width, height
SCALES = (0.16, 0.55)  # diameter of an object, as a part of the shorter side
MAX_OBJECTS = 6
EMPTY_PART = 0.06  # of the images have no object
MIN_VISIBLE = 0.85  # part of an object that later ones must leave visible
MIN_CONTRAST = 90  # between an object and the mean of what is behind it, in the channel that differs most
NOISE = 9  # of every pixel, at most, to either side
SHIFT = 4  # fractional bits of polygon corners


@dataclass(frozen=True, slots=True)
class Scene:
    """One drawn image and its truth."""

    image: npt.NDArray[np.uint8]  # (H, W, 3), BGR
    boxes_xyxy: npt.NDArray[np.float64]  # (N, 4), the tight pixel extent of each object as if nothing hid it
    class_ids: npt.NDArray[np.int64]  # (N,)


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw one image: background, things that are no objects, objects that may hide each other in part, noise."""
    width, height = SIZES[rng.integers(len(SIZES))]
    image = _draw_background(rng, width, height)
    for _ in range(rng.integers(3)):
        _draw_distractor(rng, image)
    num_objects = 0 if rng.random() < EMPTY_PART else int(rng.integers(1, MAX_OBJECTS + 1))
    class_ids: list[int] = []
    boxes: list[tuple[int, int, int, int]] = []
    areas: list[int] = []
    owner = np.zeros((height, width), np.int64)  # which object a pixel shows, from 1
    for _ in range(4 * num_objects):
        if len(boxes) == num_objects:
            break
        class_id, mask = _place(rng, width, height)
        if hides_too_much(owner, mask, areas):
            continue
        class_ids.append(class_id)
        boxes.append(extent_xyxy(mask))
        areas.append(int(mask.sum()))
        owner[mask] = len(boxes)
        image[mask] = _contrasting_colour(rng, image[mask].mean(axis=0))
    noise = rng.integers(-NOISE, NOISE + 1, image.shape, dtype=np.int16)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return Scene(image, np.array(boxes, np.float64).reshape(-1, 4), np.array(class_ids, np.int64))


def shape_mask(
    class_id: int, centre: tuple[float, float], radius: float, angle: float, size: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """The pixels of one filled shape.

    Args:
        class_id: index into `NAMES`.
        centre: x and y, pixels.
        radius: of the circle around the shape, pixels.
        angle: radians.
        size: width and height of the image, pixels.

    Returns:
        (H, W), true inside the shape.
    """
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(mask, _outlines(class_id, centre, radius, angle), 1, shift=SHIFT)
    return mask.astype(np.bool_)


def extent_xyxy(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The tight box around the true pixels of a (H, W) mask; right and bottom are one past the last pixel."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def hides_too_much(owner: npt.NDArray[np.int64], mask: npt.NDArray[np.bool_], areas: Sequence[int]) -> bool:
    """Return whether a new object would leave too little of another one visible.

    Args:
        owner: (H, W), the number of the object that a pixel shows, from 1; 0 is the background.
        mask: (H, W), the pixels of the new object.
        areas: pixels of each object as if nothing hid it.
    """
    left = np.bincount(owner[~mask], minlength=len(areas) + 1)[1:]
    return bool((left < MIN_VISIBLE * np.array(areas, np.float64)).any())


def _outlines(class_id: int, centre: tuple[float, float], radius: float, angle: float) -> list[npt.NDArray[np.int32]]:
    """Polygons (K, 2) in units of 1 / 2**SHIFT pixels; a second one is a hole."""
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    polygons = [polygon @ turn * radius + centre for polygon in _unit_polygons(NAMES[class_id])]
    return [np.rint(polygon * 2**SHIFT).astype(np.int32) for polygon in polygons]


def _unit_polygons(name: str) -> list[npt.NDArray[np.float64]]:
    """Polygons (K, 2) around the origin, inside the unit circle."""
    if name == "cross":
        a, b = 0.3 / math.hypot(0.3, 1), 1 / math.hypot(0.3, 1)
        corners = [(a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a), (-a, -a)]
        return [np.array([*corners, (-a, -b)])]
    if name == "ring":
        return [_polar(48, [1.0]), _polar(48, [0.55])]
    num_corners, radii = {
        "circle": (48, [1.0]),
        "square": (4, [1.0]),
        "triangle": (3, [1.0]),
        "star": (10, [1.0, 0.42]),
    }[name]
    return [_polar(num_corners, radii)]


def _polar(num_corners: int, radii: list[float]) -> npt.NDArray[np.float64]:
    angles = np.arange(num_corners) * (2 * math.pi / num_corners)
    radius = np.resize(radii, num_corners)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def _place(rng: np.random.Generator, width: int, height: int) -> tuple[int, npt.NDArray[np.bool_]]:
    class_id = int(rng.integers(len(NAMES)))
    radius = rng.uniform(*SCALES) * min(width, height) / 2
    margin = radius + 2
    centre = (rng.uniform(margin, width - margin), rng.uniform(margin, height - margin))
    return class_id, shape_mask(class_id, centre, radius, rng.uniform(0, 2 * math.pi), (width, height))


def _contrasting_colour(rng: np.random.Generator, behind: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    while True:
        colour = rng.integers(0, 256, 3, dtype=np.uint8)
        if abs(colour - behind).max() >= MIN_CONTRAST:
            return colour


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    blue, green, red = rng.integers(0, 256, 3).tolist()
    return blue, green, red


def _draw_background(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.uint8]:
    """A smooth play of colours, (H, W, 3), with a few thin lines across it."""
    coarse = rng.integers(30, 226, 3) + rng.integers(-25, 26, (4, 4, 3))
    smooth = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    image: npt.NDArray[np.uint8] = np.clip(smooth, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(3)):
        x1, x2, y1, y2 = rng.integers(0, [width, width, height, height]).tolist()
        cv2.line(image, (x1, y1), (x2, y2), _colour(rng), int(rng.integers(1, 3)))
    return image


def _draw_distractor(rng: np.random.Generator, image: npt.NDArray[np.uint8]) -> None:
    """Something that is not to be found: a half disc, a letter, or the thin outline of a shape."""
    height, width = image.shape[:2]
    x, y = rng.integers(0, [width, height]).tolist()
    radius = int(rng.integers(8, 30))
    kind = rng.integers(3)
    if kind == 0:
        cv2.ellipse(image, (x, y), (radius, radius), float(rng.uniform(0, 360)), 0, 180, _colour(rng), -1)
    elif kind == 1:
        letter = "AEFHKMRSWZ"[rng.integers(10)]
        cv2.putText(image, letter, (x, y), cv2.FONT_HERSHEY_SIMPLEX, radius / 14, _colour(rng), 2)
    else:
        outlines = _outlines(int(rng.integers(5)), (x, y), radius, rng.uniform(0, 2 * math.pi))
        cv2.polylines(image, outlines, True, _colour(rng), 1, cv2.LINE_AA, SHIFT)
