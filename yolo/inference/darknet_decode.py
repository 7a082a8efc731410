"""Decode images to exactly the pixels that Darknet gets when it is built without OpenCV (that is, by stb_image)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.darknet.jpeg_coefficients import read_coefficients
from yolo.darknet.jpeg_pixels import blocks_to_pixels, upsample_chroma, ycbcr_to_rgb
from yolo.data.decode import read_bytes, read_indexed_image

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from yolo.darknet.jpeg_coefficients import Component, Jpeg


MAX_MEAN_DIFFERENCE = 2  # of pixel values; above it, OpenCV has rotated the image by its EXIF orientation


def read_as_darknet(path: Path, listed_wh: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Decode an image.

    Lossless formats are the same in every decoder. A JPEG that is progressive, or has an EXIF orientation (which
    Darknet ignores), is decoded by OpenCV: then one pixel in twenty differs by 1 or 2.

    Args:
        path: of the file.
        listed_wh: width and height in the index.

    Returns:
        (H, W, 3), RGB.

    Raises:
        DataError: the file is missing, does not decode, or has another size.
    """
    image = read_indexed_image(path, listed_wh)[..., ::-1]
    jpeg = read_coefficients(read_bytes(path).tobytes())
    if jpeg is None or (jpeg.width, jpeg.height) != listed_wh:
        return image
    pixels = _decode_jpeg(jpeg)
    is_same_image = np.abs(pixels.astype(np.int16) - image).mean() < MAX_MEAN_DIFFERENCE
    return pixels if is_same_image else image


def _decode_jpeg(jpeg: Jpeg) -> npt.NDArray[np.uint8]:
    planes = [_decode_plane(jpeg, component) for component in jpeg.components]
    if len(planes) == 1:
        return planes[0].astype(np.uint8)[..., None].repeat(3, axis=2)
    return ycbcr_to_rgb(*planes)


def _decode_plane(jpeg: Jpeg, component: Component) -> npt.NDArray[np.int64]:
    """Return (H, W), one component upsampled to the size of the image."""
    max_h = max(other.h_factor for other in jpeg.components)
    max_v = max(other.v_factor for other in jpeg.components)
    blocks = np.zeros_like(component.coefficients)
    blocks[..., ZIGZAG] = component.coefficients * component.quantisation
    plane = blocks_to_pixels(blocks.reshape(*blocks.shape[:2], 8, 8))
    width, height = -(-jpeg.width * component.h_factor // max_h), -(-jpeg.height * component.v_factor // max_v)
    upsampled = upsample_chroma(plane[:height, :width], max_h // component.h_factor, max_v // component.v_factor)
    return upsampled[: jpeg.height, : jpeg.width]


def _zigzag() -> list[int]:
    """Return the position in its 8 x 8 block, row by row, of each coefficient of a file."""
    cells = [(row, column) for row in range(8) for column in range(8)]
    cells.sort(key=lambda cell: (sum(cell), cell[0] if sum(cell) % 2 else cell[1]))
    return [8 * row + column for row, column in cells]


ZIGZAG = _zigzag()
