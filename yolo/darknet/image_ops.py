"""Images resized as Darknet does it, for results that are to equal its own. Axes: C channels, H and W pixels.

Source: AlexeyAB/darknet src/image.c resize_image, letterbox_image, resize_min, crop_image (59596d78).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LETTERBOX_GREY = 0.5


def resize(image: Tensor, width: int, height: int) -> Tensor:
    """Bilinear between corner pixels: the first and last pixel of a row keep their places. (C, H, W) float."""
    return F.interpolate(image[None], (height, width), mode="bilinear", align_corners=True)[0]


def letterboxed_size(image_size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """(height, width) of an image of `image_size` (height, width) fitted into an input, its shape kept."""
    tall, wide = image_size
    if width / wide < height / tall:
        return tall * width // wide, width
    return height, wide * height // tall


def letterbox(image: Tensor, width: int, height: int) -> Tensor:
    """The image fitted into (C, height, width), centred on grey."""
    new_height, new_width = letterboxed_size((image.shape[1], image.shape[2]), width, height)
    top, left = (height - new_height) // 2, (width - new_width) // 2
    box = image.new_full((image.shape[0], height, width), LETTERBOX_GREY)
    box[:, top : top + new_height, left : left + new_width] = resize(image, new_width, new_height)
    return box


def resize_shorter(image: Tensor, side: int) -> Tensor:
    """The image with its shorter side at `side` pixels, its shape kept."""
    height, width = image.shape[1:]
    if width < height:
        return resize(image, side, height * side // width)
    return resize(image, width * side // height, side)


def centre_crop(image: Tensor, width: int, height: int) -> Tensor:
    """The middle of the image; beyond its edge the edge goes on."""
    rows, columns = (
        (torch.arange(new, device=image.device) + int((old - new) / 2)).clamp(0, old - 1)
        for new, old in ((height, image.shape[1]), (width, image.shape[2]))
    )
    return image[:, rows][:, :, columns]
