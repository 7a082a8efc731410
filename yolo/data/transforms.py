"""Fit images and their boxes into the network input; `augment/` has the augmentation.

A coordinate is continuous: pixel i covers i..i + 1, so an image of width W spans 0..W.
Axes: H and W pixels, N boxes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.data.sample import Letterbox

if TYPE_CHECKING:
    import numpy.typing as npt

FILL = 114  # grey, outside of the image


def resize(image: npt.NDArray[np.uint8], size_wh: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Resize by pixel areas when shrinking to half or less, else linearly; return the image itself if the size fits."""
    if _size_wh(image) == size_wh:
        return image
    return np.asarray(cv2.resize(image, size_wh, interpolation=_interpolation(image, size_wh)), np.uint8)


def stretch(image: npt.NDArray[np.uint8], size_wh: tuple[int, int]) -> tuple[npt.NDArray[np.uint8], Letterbox]:
    """Stretch the image to the input, without keeping its aspect ratio.

    Args:
        image: (H, W, 3).
        size_wh: of the input.

    Returns:
        The input (height, width, 3), and the position of the image in it.
    """
    width, height = _size_wh(image)
    scale_x, scale_y = size_wh[0] / width, size_wh[1] / height
    return resize(image, size_wh), Letterbox(scale_x, scale_y, 0, 0, width, height)


def letterbox(
    image: npt.NDArray[np.uint8], size_wh: tuple[int, int], *, fill: int = FILL, allow_upscale: bool = True
) -> tuple[npt.NDArray[np.uint8], Letterbox]:
    """Fit the image into the centre of the input, keeping its aspect ratio to the nearest pixel.

    Args:
        image: (H, W, 3).
        size_wh: of the input.
        fill: value of the bars around the image.
        allow_upscale: enlarge an image that is smaller than the input; otherwise only add bars.

    Returns:
        The input (height, width, 3), and the position of the image in it.
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
    """Return width and height times `ratio`, in whole pixels, at least 1."""
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def resized_wh(image_wh: tuple[int, int], longer_side: int) -> tuple[int, int]:
    """Return width and height of an image whose longer side is resized to `longer_side` pixels."""
    return scaled_size(*image_wh, longer_side / max(image_wh))


def place_boxes(boxes_xyxy: npt.NDArray[np.floating], letterbox: Letterbox) -> npt.NDArray[np.float32]:
    """Map boxes (N, 4) from the image to its network input, clipped to the image."""
    scale = np.array([letterbox.scale_x, letterbox.scale_y] * 2)
    offset = np.array([letterbox.left, letterbox.top] * 2)
    limit = np.array([letterbox.width, letterbox.height] * 2)
    return np.asarray(np.clip(boxes_xyxy, 0, limit) * scale + offset, np.float32)


def _size_wh(image: npt.NDArray[np.uint8]) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


def _interpolation(image: npt.NDArray[np.uint8], size_wh: tuple[int, int]) -> int:
    width, height = _size_wh(image)
    return int(cv2.INTER_AREA if 2 * size_wh[0] <= width and 2 * size_wh[1] <= height else cv2.INTER_LINEAR)
