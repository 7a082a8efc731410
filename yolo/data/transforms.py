"""Changes of one picture and its boxes: pure functions of (sample, rng).

A coordinate is continuous: pixel i covers i..i + 1, so a picture of width W spans 0..W.
Axes: H and W pixels, N boxes. Source: the recipe of the PyTorch YOLOv3 trainers of 2018 to 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.data.sample import Letterbox, Sample
from yolo.errors import SettingsError

if TYPE_CHECKING:
    import numpy.typing as npt

FILL = 114  # grey, where no picture is
MIN_SIDE = 4  # pixels
MIN_VISIBLE = 0.2  # of the area
MAX_ASPECT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Augment:
    """How training pictures are varied; all zero changes nothing."""

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
    flipud: float = 0.0
    """Probability of an upside-down flip, 0..1."""
    fliplr: float = 0.5
    """Probability of a left-right flip, 0..1."""
    mosaic: float = 1.0
    """Probability that three more pictures join in a mosaic, 0..1."""

    def __post_init__(self) -> None:
        limits = {"degrees": 180.0, "scale": 0.9, "shear": 45.0}
        for field in fields(self):
            value, limit = getattr(self, field.name), limits.get(field.name, 1.0)
            if not 0 <= value <= limit:
                raise SettingsError(f"augment.{field.name}: {value} is out of range; use 0..{limit:g}")

    def without_mosaic(self) -> Augment:
        """The same, one picture an input."""
        return replace(self, mosaic=0.0)


def resize(image: npt.NDArray[np.uint8], size_wh: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Resize, by pixel areas when shrinking to half or less, else linearly; the image itself if the size fits."""
    if _size_wh(image) == size_wh:
        return image
    return np.asarray(cv2.resize(image, size_wh, interpolation=_interpolation(image, size_wh)), np.uint8)


def stretch(image: npt.NDArray[np.uint8], size_wh: tuple[int, int]) -> tuple[npt.NDArray[np.uint8], Letterbox]:
    """Fill the input, whatever that does to the aspect ratio.

    Args:
        image: (H, W, 3).
        size_wh: of the input.

    Returns:
        The input (height, width, 3), and how the picture lies in it.
    """
    width, height = _size_wh(image)
    scale_x, scale_y = size_wh[0] / width, size_wh[1] / height
    return resize(image, size_wh), Letterbox(scale_x, scale_y, 0, 0, width, height)


def letterbox(
    image: npt.NDArray[np.uint8], size_wh: tuple[int, int], *, fill: int = FILL, allow_upscale: bool = True
) -> tuple[npt.NDArray[np.uint8], Letterbox]:
    """Fit the picture into the middle of the input, keeping its aspect ratio to the nearest pixel.

    Args:
        image: (H, W, 3).
        size_wh: of the input.
        fill: value of the bars beside the picture.
        allow_upscale: enlarge a picture that is smaller than the input; else only put bars around it.

    Returns:
        The input (height, width, 3), and how the picture lies in it.
    """
    width, height = _size_wh(image)
    ratio = min(size_wh[0] / width, size_wh[1] / height)
    inner_wh = scaled_size(width, height, ratio if allow_upscale else min(ratio, 1))
    if inner_wh == size_wh:
        return stretch(image, size_wh)
    left, top = (size_wh[0] - inner_wh[0]) // 2, (size_wh[1] - inner_wh[1]) // 2
    boxed = np.full((size_wh[1], size_wh[0], 3), fill, np.uint8)
    boxed[top : top + inner_wh[1], left : left + inner_wh[0]] = resize(image, inner_wh)
    return boxed, Letterbox(inner_wh[0] / width, inner_wh[1] / height, left, top, width, height)


def scaled_size(width: int, height: int, ratio: float) -> tuple[int, int]:
    """Width and height times `ratio`, in whole pixels, at least 1."""
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def place_boxes(boxes_xyxy: npt.NDArray[np.floating], letterbox: Letterbox) -> npt.NDArray[np.float32]:
    """Map boxes (N, 4) from the picture to its network input, and clip them to where the picture lies."""
    scale = np.array([letterbox.scale_x, letterbox.scale_y] * 2)
    offset = np.array([letterbox.left, letterbox.top] * 2)
    limit = np.array([letterbox.width, letterbox.height] * 2)
    return np.asarray(np.clip(boxes_xyxy, 0, limit) * scale + offset, np.float32)


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
        return image  # the way to HSV and back is not exact
    table = np.arange(256)[:, None] * gains
    table[:, 0] %= 180
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    hsv = cv2.LUT(hsv, table.clip(max=255).astype(np.uint8)[:, None])
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)


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


def random_affine(sample: Sample, rng: np.random.Generator, augment: Augment, size_wh: tuple[int, int]) -> Sample:
    """Rotate, zoom, shear and shift; the middle of the picture goes to the middle of the input, then shifts.

    A box becomes the upright box around its four moved corners, clipped; `boxes_to_keep` says which stay.

    Args:
        sample: of any size; what exceeds the input is cut off, what is missing is filled with grey.
        rng: always draws the same number of values, whatever the ranges.
        augment: gives `degrees`, `scale`, `shear` and `translate`.
        size_wh: of the input.

    Source: as the module; differs: shears around the middle, not around a corner.
    """
    linear, shift = _draw_affine(rng, augment)
    middle_in, middle_out = np.array(_size_wh(sample.image)) / 2, np.array(size_wh) / 2
    offset = middle_out + shift * size_wh - linear @ middle_in
    image = _warp(sample.image, linear, offset, size_wh)
    x1, y1, x2, y2 = sample.boxes_xyxy.T
    corners_N42 = np.stack([x1, y1, x2, y1, x2, y2, x1, y2], axis=1).reshape(-1, 4, 2) @ linear.T + offset
    after = np.concatenate([corners_N42.min(axis=1), corners_N42.max(axis=1)], axis=1)
    after_xyxy = np.clip(after, 0, size_wh * 2).astype(np.float32)
    keep = boxes_to_keep(sample.boxes_xyxy, after_xyxy, abs(float(np.linalg.det(linear))))
    return Sample(image, after_xyxy[keep], sample.class_ids[keep])


def boxes_to_keep(
    before_xyxy: npt.NDArray[np.float32], after_xyxy: npt.NDArray[np.float32], area_scale: float
) -> npt.NDArray[np.bool_]:
    """Which boxes still show enough of their objects: large enough, not mostly cut off, not a sliver.

    Args:
        before_xyxy: (N, 4), before the change.
        after_xyxy: (N, 4), after the change, clipped to the input.
        area_scale: by how much the change enlarges areas.

    Returns:
        (N,), true for width and height > 4 pixels, area > 0.2 of the scaled area before, aspect ratio < 10.
    """
    sides_N2 = after_xyxy[:, 2:] - after_xyxy[:, :2]
    area_before = np.prod(before_xyxy[:, 2:] - before_xyxy[:, :2], axis=1) * area_scale
    shorter, longer = sides_N2.min(axis=1), sides_N2.max(axis=1)
    visible = np.prod(sides_N2, axis=1) > MIN_VISIBLE * area_before
    return np.asarray((shorter > MIN_SIDE) & visible & (longer < MAX_ASPECT * shorter), np.bool_)


def recolour_and_flip(sample: Sample, rng: np.random.Generator, augment: Augment) -> Sample:
    """What follows mosaic or letterbox: colours, then flips."""
    sample = replace(sample, image=random_hsv(sample.image, rng, augment.hsv_h, augment.hsv_s, augment.hsv_v))
    if rng.random() < augment.fliplr:
        sample = flip_horizontal(sample)
    if rng.random() < augment.flipud:
        sample = flip_vertical(sample)
    return sample


def _draw_affine(rng: np.random.Generator, augment: Augment) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The linear part (2, 2), and the shift (2,) as a part of the input."""
    angle = math.radians(rng.uniform(-augment.degrees, augment.degrees))
    zoom = rng.uniform(1 - augment.scale, 1 + augment.scale)
    shear_x, shear_y = np.tan(np.radians(rng.uniform(-augment.shear, augment.shear, 2)))
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    linear = np.array([[1, shear_x], [shear_y, 1]]) @ np.array([[cos, sin], [-sin, cos]])
    return linear, rng.uniform(-augment.translate, augment.translate, 2)


def _warp(
    image: npt.NDArray[np.uint8],
    linear: npt.NDArray[np.float64],
    offset: npt.NDArray[np.float64],
    size_wh: tuple[int, int],
) -> npt.NDArray[np.uint8]:
    if _size_wh(image) == size_wh and not offset.any() and np.array_equal(linear, np.eye(2)):
        return image
    # OpenCV's coordinates are those of pixel centres, half a pixel less than ours.
    matrix = np.column_stack([linear, offset + linear @ [0.5, 0.5] - 0.5])
    return np.asarray(cv2.warpAffine(image, matrix, size_wh, borderValue=(FILL, FILL, FILL)), np.uint8)


def _size_wh(image: npt.NDArray[np.uint8]) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


def _interpolation(image: npt.NDArray[np.uint8], size_wh: tuple[int, int]) -> int:
    width, height = _size_wh(image)
    return int(cv2.INTER_AREA if 2 * size_wh[0] <= width and 2 * size_wh[1] <= height else cv2.INTER_LINEAR)
