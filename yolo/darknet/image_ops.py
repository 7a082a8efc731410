"""Image resizing exactly as Darknet does it, to reproduce its results. Axes: C channels, H and W pixels.

Source: AlexeyAB/darknet src/image.c resize_image, letterbox_image, resize_min, crop_image (59596d78).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LETTERBOX_GREY = 0.5


def resize(image: Tensor, width: int, height: int) -> Tensor:
    """Resize an image (C, H, W), float, bilinearly with aligned corners: corner pixels keep their values."""
    return F.interpolate(image[None], (height, width), mode="bilinear", align_corners=True)[0]


def letterboxed_size(image_size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """Return the (height, width) of an image, given its (height, width), fitted into an input, keeping its aspect."""
    image_height, image_width = image_size
    if width / image_width < height / image_height:
        return image_height * width // image_width, width
    return height, image_width * height // image_height


def letterbox(image: Tensor, width: int, height: int) -> Tensor:
    """Fit an image into (C, height, width), keeping its aspect ratio, centred on grey."""
    new_height, new_width = letterboxed_size((image.shape[1], image.shape[2]), width, height)
    top, left = (height - new_height) // 2, (width - new_width) // 2
    box = image.new_full((image.shape[0], height, width), LETTERBOX_GREY)
    box[:, top : top + new_height, left : left + new_width] = resize(image, new_width, new_height)
    return box


def resize_shorter(image: Tensor, side: int) -> Tensor:
    """Resize an image so that its shorter side has `side` pixels, keeping its aspect ratio."""
    height, width = image.shape[1:]
    if width < height:
        return resize(image, side, height * side // width)
    return resize(image, width * side // height, side)


def centre_crop(image: Tensor, width: int, height: int) -> Tensor:
    """Crop the centre of an image; beyond the image, its edge pixels are repeated."""
    rows, columns = (
        (torch.arange(new, device=image.device) + int((old - new) / 2)).clamp(0, old - 1)
        for new, old in ((height, image.shape[1]), (width, image.shape[2]))
    )
    return image[:, rows][:, :, columns]
