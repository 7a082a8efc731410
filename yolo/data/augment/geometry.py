"""Geometric augmentation of images and their boxes.

A coordinate is continuous: pixel i covers i..i + 1, so an image of width W spans 0..W. A transform is a matrix (3, 3)
that maps (x, y, 1) of the image to (x, y, 1) of the result, up to a factor.
Axes: N boxes. Source: the recipe of the PyTorch YOLOv3 trainers of 2018 to 2020; jitter: darknet src/data.c.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.data.sample import Sample
from yolo.data.transforms import FILL

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.config.augment_settings import AugmentSettings

MIN_SIDE = 4  # pixels
MIN_VISIBLE = 0.2  # of the area
MAX_ASPECT = 10
MIN_DEPTH = 0.1  # minimum distance from a tilted camera
PERSPECTIVE_SIZE = 640  # pixels; the setting `perspective` is for inputs of this size


def flip_horizontal(sample: Sample) -> Sample:
    """Swap left and right."""
    x1, y1, x2, y2 = sample.boxes_xyxy.T
    width = sample.image.shape[1]
    boxes_xyxy = np.stack([width - x2, y1, width - x1, y2], axis=1)
    return Sample(np.asarray(cv2.flip(sample.image, 1), np.uint8), boxes_xyxy, sample.class_ids)


def flip_vertical(sample: Sample) -> Sample:
    """Swap top and bottom."""
    x1, y1, x2, y2 = sample.boxes_xyxy.T
    height = sample.image.shape[0]
    boxes_xyxy = np.stack([x1, height - y2, x2, height - y1], axis=1)
    return Sample(np.asarray(cv2.flip(sample.image, 0), np.uint8), boxes_xyxy, sample.class_ids)


def transforms_images(augment: AugmentSettings) -> bool:
    """Return whether `random_transform` does more than map the centre of the image to that of the input."""
    return any((augment.degrees, augment.translate, augment.scale, augment.shear, augment.perspective))


def random_transform(
    rng: np.random.Generator, augment: AugmentSettings, from_wh: tuple[int, int], to_wh: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Return a random rotation, zoom, shear, tilt and shift; the image centre maps to the input centre, then shifts.

    Args:
        rng: draws the same number of values for any ranges; for a tilt two more.
        augment: gives `degrees`, `scale`, `shear`, `translate` and `perspective`.
        from_wh: size of the image.
        to_wh: size of the input.

    Source: as the module; differs: shears around the centre, not around a corner.
    """
    angle = math.radians(rng.uniform(-augment.degrees, augment.degrees))
    zoom = rng.uniform(1 - augment.scale, 1 + augment.scale)
    shear_x, shear_y = np.tan(np.radians(rng.uniform(-augment.shear, augment.shear, 2)))
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    matrix = np.eye(3)
    matrix[:2, :2] = np.array([[1, shear_x], [shear_y, 1]]) @ np.array([[cos, sin], [-sin, cos]])
    shift = rng.uniform(-augment.translate, augment.translate, 2)
    if augment.perspective:
        tilt = np.eye(3)
        strength = augment.perspective * PERSPECTIVE_SIZE / max(to_wh)
        tilt[2, :2] = rng.uniform(-strength, strength, 2)
        matrix = matrix @ tilt
    centre_in, centre_out = np.array(from_wh) / 2, np.array(to_wh) / 2
    return shift_matrix(*(centre_out + shift * to_wh)) @ matrix @ shift_matrix(*-centre_in)


def random_crop(
    rng: np.random.Generator, augment: AugmentSettings, size_wh: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Return a random crop: each side of an image moves in or out, and the result is stretched to the image size.

    Args:
        rng: draws six values.
        augment: gives `jitter` and `resize`.
        size_wh: of the image.

    Source: darknet src/data.c load_data_detection; differs: no rounding to pixels.
    """
    left, top, right, bottom = rng.uniform(-augment.jitter, augment.jitter, 4)
    zoom = max(augment.resize, 1 / augment.resize)
    near, far = rng.uniform((1 - zoom) / 2, (1 - 1 / zoom) / 2 if augment.resize > 1 else 0, 2)
    x1, x2 = left + near, 1 - right - far
    y1, y2 = top + near, 1 - bottom - far
    stretch = np.diag([1 / (x2 - x1), 1 / (y2 - y1), 1])
    return np.asarray(stretch @ shift_matrix(-x1 * size_wh[0], -y1 * size_wh[1]), np.float64)


def crops_images(augment: AugmentSettings) -> bool:
    """Return whether `random_crop` does anything."""
    return augment.jitter > 0 or augment.resize != 1


def shift_matrix(x: float, y: float) -> npt.NDArray[np.float64]:
    """Return the transform that shifts by x and y pixels."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def visible_window(
    matrix: npt.NDArray[np.float64], from_wh: tuple[int, int], to_wh: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return the part of an image (x1, y1, x2, y2, whole pixels) that a transform maps into the result."""
    w, h = to_wh
    corners, _ = _project(
        np.asarray(np.linalg.inv(matrix), np.float64), np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float64)
    )
    low = np.clip(np.floor(corners.min(axis=0)) - 1, 0, np.array(from_wh) - 1).astype(int)  # with neighbours
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, low + 1, from_wh).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def warp(sample: Sample, matrix: npt.NDArray[np.float64], size_wh: tuple[int, int]) -> Sample:
    """Apply a transform, with one interpolation.

    A box becomes the upright box around its four transformed corners, clipped; `boxes_to_keep` selects boxes.

    Args:
        sample: of any size; the result is clipped and filled with grey.
        matrix: the transform.
        size_wh: of the result.
    """
    x1, y1, x2, y2 = sample.boxes_xyxy.T
    corners = np.stack([x1, y1, x2, y1, x2, y2, x1, y2], axis=1).reshape(-1, 2)
    moved, depth = _project(matrix, corners)
    moved_N42, depth_N4 = moved.reshape(-1, 4, 2), depth.reshape(-1, 4)
    after = np.concatenate([moved_N42.min(axis=1), moved_N42.max(axis=1)], axis=1)
    after_xyxy = np.clip(after, 0, size_wh * 2).astype(np.float32)
    nearest = depth_N4.min(axis=1, initial=np.inf)
    area_scale = abs(float(np.linalg.det(matrix))) / depth_N4.mean(axis=1).clip(MIN_DEPTH) ** 3
    keep = boxes_to_keep(sample.boxes_xyxy, after_xyxy, area_scale) & (nearest > MIN_DEPTH)
    return Sample(_warp_image(sample.image, matrix, size_wh), after_xyxy[keep], sample.class_ids[keep])


def boxes_to_keep(
    before_xyxy: npt.NDArray[np.float32],
    after_xyxy: npt.NDArray[np.float32],
    area_scale: float | npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Select the boxes that still show enough of their objects: large enough, mostly visible, not too thin.

    Args:
        before_xyxy: (N, 4), before the transform.
        after_xyxy: (N, 4), after the transform, clipped to the input.
        area_scale: factor by which the transform enlarges areas, for all or (N,).

    Returns:
        (N,), True for width and height > 4 pixels, area > 0.2 of the scaled area before, aspect ratio < 10.
    """
    sides_N2 = after_xyxy[:, 2:] - after_xyxy[:, :2]
    area_before = np.prod(before_xyxy[:, 2:] - before_xyxy[:, :2], axis=1) * area_scale
    shorter, longer = sides_N2.min(axis=1), sides_N2.max(axis=1)
    visible = np.prod(sides_N2, axis=1) > MIN_VISIBLE * area_before
    return np.asarray((shorter > MIN_SIDE) & visible & (longer < MAX_ASPECT * shorter), np.bool_)


def _project(
    matrix: npt.NDArray[np.float64], points: npt.NDArray[np.float32] | npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return points (M, 2) after a transform, and the depth (M,) of each."""
    depth = points @ matrix[2, :2] + matrix[2, 2]
    return (points @ matrix[:2, :2].T + matrix[:2, 2]) / depth[:, None], depth


def _warp_image(
    image: npt.NDArray[np.uint8], matrix: npt.NDArray[np.float64], size_wh: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    if (width, height) == size_wh and np.array_equal(matrix, np.eye(3)):
        return image
    # OpenCV's coordinates are pixel centres, half a pixel less than ours.
    centred = shift_matrix(-0.5, -0.5) @ matrix @ shift_matrix(0.5, 0.5)
    # OpenCV warps four channels in half the time of three.
    four = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    fill = (FILL,) * 4
    if np.array_equal(matrix[2], [0, 0, 1]):
        warped = cv2.warpAffine(four, centred[:2], size_wh, borderValue=fill)
    else:
        warped = cv2.warpPerspective(four, centred, size_wh, borderValue=fill)
    return np.asarray(cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR), np.uint8)
