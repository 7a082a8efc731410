"""Images that a Python program holds in memory: arrays, tensors and PIL images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image, ImageOps

from yolo.errors import DataError
from yolo.inference.sources.image_files import ImageArray

if TYPE_CHECKING:
    import numpy.typing as npt

ACCEPTED = (
    "a path or address, a PIL image, an array (height, width, 3) uint8 in BGR, a tensor (3, height, width) or "
    "(N, 3, height, width) in RGB, uint8 or floats in 0..1, or a list of these"
)


def images_in_memory(source: object, number: int) -> list[ImageArray]:
    """Return the images of an array, tensor or PIL image, called `image0`, `image1`, ...

    Args:
        source: what the program holds.
        number: of the first image.

    Raises:
        TypeError: it is none of these.
        DataError: it has another shape, type or range of values.
    """
    if isinstance(source, np.ndarray):
        return [ImageArray(_check_array(source, number), f"image{number}")]
    if isinstance(source, Image.Image):
        rgb = np.asarray(ImageOps.exif_transpose(source).convert("RGB"))
        return [ImageArray(_to_bgr(rgb), f"image{number}")]
    if isinstance(source, torch.Tensor):
        images = _from_tensor(source, number)
        return [ImageArray(_to_bgr(rgb), f"image{i}") for i, rgb in enumerate(images, start=number)]
    raise TypeError(f"cannot detect in a {type(source).__name__}: give {ACCEPTED}")


def _check_array(image: npt.NDArray[Any], number: int) -> npt.NDArray[np.uint8]:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DataError(f"array {number}: is {image.dtype} of {image.shape}; use uint8 of (height, width, 3), BGR")
    return image


def _from_tensor(tensor: torch.Tensor, number: int) -> npt.NDArray[np.uint8]:
    """Return (N, H, W, 3), RGB."""
    images = tensor.detach().cpu()
    images = images[None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[1] != 3 or images.numel() == 0:
        text = "use (3, height, width) or (N, 3, height, width), RGB"
        raise DataError(f"tensor {number}: has the shape {tuple(tensor.shape)}; {text}")
    if images.is_floating_point():
        low, high = (float(value) for value in images.aminmax())
        if not (low >= 0 and high <= 1):
            raise DataError(f"tensor {number}: has values in {low:g}..{high:g}; use floats in 0..1, or uint8")
        images = (images.float() * 255).round().to(torch.uint8)
    if images.dtype != torch.uint8:
        raise DataError(f"tensor {number}: is {images.dtype}; use floats in 0..1, or uint8")
    return images.permute(0, 2, 3, 1).numpy()


def _to_bgr(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(rgb[..., ::-1])
