"""Decodes images to the very pixels that a Darknet without OpenCV gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.darknet.jpeg_coefficients import read_coefficients
from yolo.darknet.jpeg_pixels import blocks_to_pixels, upsample_chroma, ycbcr_to_rgb
from yolo.data.decode import read_bytes, read_listed

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from yolo.darknet.jpeg_coefficients import Component, Jpeg


SAME_IMAGE = 2  # mean difference of pixels below which two decoders show the same, not turned


def read_as_darknet(path: Path, listed_wh: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Decode an image.

    Formats without loss are the same everywhere. A JPEG that is progressive, or is shown turned (Darknet does not turn
    images), is decoded by OpenCV: then one pixel in twenty differs by 1 or 2.

    Args:
        path: of the file.
        listed_wh: width and height that the index knows.

    Returns:
        (H, W, 3), RGB.

    Raises:
        DataError: the file is missing, does not decode, or has another size.
    """
    image = read_listed(path, listed_wh)[..., ::-1]
    jpeg = read_coefficients(read_bytes(path).tobytes())
    if jpeg is None or (jpeg.width, jpeg.height) != listed_wh:
        return image
    pixels = _pixels(jpeg)
    alike = np.abs(pixels.astype(np.int16) - image).mean() < SAME_IMAGE
    return pixels if alike else image


def _pixels(jpeg: Jpeg) -> npt.NDArray[np.uint8]:
    planes = [_plane(jpeg, component) for component in jpeg.components]
    if len(planes) == 1:
        return planes[0].astype(np.uint8)[..., None].repeat(3, axis=2)
    return ycbcr_to_rgb(*planes)


def _plane(jpeg: Jpeg, component: Component) -> npt.NDArray[np.int64]:
    """(H, W)."""
    max_h = max(other.h_factor for other in jpeg.components)
    max_v = max(other.v_factor for other in jpeg.components)
    blocks = np.zeros_like(component.coefficients)
    blocks[..., ZIGZAG] = component.coefficients * component.quantisation
    plane = blocks_to_pixels(blocks.reshape(*blocks.shape[:2], 8, 8))
    width, height = -(-jpeg.width * component.h_factor // max_h), -(-jpeg.height * component.v_factor // max_v)
    whole = upsample_chroma(plane[:height, :width], max_h // component.h_factor, max_v // component.v_factor)
    return whole[: jpeg.height, : jpeg.width]


def _zigzag() -> list[int]:
    """Where each coefficient of a file lies in its 8 x 8 block, row by row."""
    cells = [(row, column) for row in range(8) for column in range(8)]
    cells.sort(key=lambda cell: (sum(cell), cell[0] if sum(cell) % 2 else cell[1]))
    return [8 * row + column for row, column in cells]


ZIGZAG = _zigzag()
