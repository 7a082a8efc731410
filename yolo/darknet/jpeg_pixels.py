"""JPEG coefficients to pixels, exactly as `stb_image` does it, which Darknet uses without OpenCV.

JPEG decoders round differently: one pixel in twenty differs by 1, which changes scores by some thousandths.
Axes: blocks in rows and columns, 8 x 8 pixels each, H and W pixels.

Source: nothings/stb stb_image.h 2.27 (stbi__idct_block, stbi__resample_row_*, stbi__YCbCr_to_RGB_row).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers: TypeAlias = npt.NDArray[np.int64]

FRACTION_BITS = 12  # of the fixed-point constants


def blocks_to_pixels(coefficients: Numbers) -> Numbers:
    """Apply the inverse cosine transform, columns first.

    Args:
        coefficients: (rows, columns, 8, 8), already multiplied by the quantisation.

    Returns:
        (rows * 8, columns * 8) in 0..255.
    """
    columns = _idct_1d([coefficients[..., i, :] for i in range(8)], rounding=512, shift=10, axis=-2)
    pixels = _idct_1d([columns[..., i] for i in range(8)], rounding=(1 << 16) + (128 << 17), shift=17, axis=-1)
    rows, across = pixels.shape[:2]
    return np.clip(pixels, 0, 255).transpose(0, 2, 1, 3).reshape(rows * 8, across * 8)


def upsample_chroma(plane: Numbers, h_factor: int, v_factor: int) -> Numbers:
    """Upsample a chroma plane: factors of 1 and 2 interpolate, others repeat pixels."""
    if (h_factor, v_factor) not in ((1, 1), (1, 2), (2, 1), (2, 2)):
        return plane.repeat(h_factor, axis=1).repeat(v_factor, axis=0)
    if v_factor == 2:
        above, below = np.vstack([plane[:1], plane[:-1]]), np.vstack([plane[1:], plane[-1:]])
        plane = np.stack([3 * plane + above, 3 * plane + below], axis=1).reshape(-1, plane.shape[1])
    if h_factor == 1:
        return (plane + 2) >> 2 if v_factor == 2 else plane
    scale = 4 if v_factor == 2 else 1  # factor of the vertical interpolation, still to be divided by
    wide = np.empty((plane.shape[0], 2 * plane.shape[1]), np.int64)
    wide[:, 2::2] = (3 * plane[:, 1:] + plane[:, :-1] + 2 * scale) // (4 * scale)
    wide[:, 1:-1:2] = (3 * plane[:, :-1] + plane[:, 1:] + 2 * scale) // (4 * scale)
    wide[:, 0], wide[:, -1] = (plane[:, 0] + scale // 2) // scale, (plane[:, -1] + scale // 2) // scale
    if v_factor == 1 and plane.shape[1] > 1:  # a bug of stb_image, reproduced
        wide[:, -2] = (3 * plane[:, -2] + plane[:, -1] + 2) >> 2
    return wide


def ycbcr_to_rgb(y: Numbers, cb: Numbers, cr: Numbers) -> npt.NDArray[np.uint8]:
    """Convert three planes (H, W) in 0..255 to an RGB image (H, W, 3)."""
    y, cb, cr = (y << 20) + (1 << 19), cb - 128, cr - 128
    green = y - cr * (_fixed(0.71414) << 8) + ((-cb * (_fixed(0.34414) << 8)) & -(1 << 16))
    planes = y + cr * (_fixed(1.40200) << 8), green, y + cb * (_fixed(1.77200) << 8)
    return np.asarray(np.clip(np.stack(planes, axis=-1) >> 20, 0, 255), np.uint8)


def _fixed(number: float) -> int:
    return int(number * (1 << FRACTION_BITS) + 0.5)  # truncates like C, so negative constants round differently


def _idct_1d(s: list[Numbers], *, rounding: int, shift: int, axis: int) -> Numbers:
    """Transform 8 frequencies to 8 samples along one dimension, stacked along `axis`."""
    even = (s[2] + s[6]) * _fixed(0.5411961)
    low, high = even + s[6] * _fixed(-1.847759065), even + s[2] * _fixed(0.765366865)
    total, difference = (s[0] + s[4]) << FRACTION_BITS, (s[0] - s[4]) << FRACTION_BITS
    ends = [total + high, difference + low, difference - low, total - high]
    p1, p2, p3, p4 = s[7] + s[1], s[5] + s[3], s[7] + s[3], s[5] + s[1]
    p5 = (p3 + p4) * _fixed(1.175875602)
    p1, p2 = p5 + p1 * _fixed(-0.899976223), p5 + p2 * _fixed(-2.562915447)
    p3, p4 = p3 * _fixed(-1.961570560), p4 * _fixed(-0.390180644)
    odd = [
        s[1] * _fixed(1.501321110) + p1 + p4,
        s[3] * _fixed(3.072711026) + p2 + p3,
        s[5] * _fixed(2.053119869) + p2 + p4,
        s[7] * _fixed(0.298631336) + p1 + p3,
    ]
    first = [(e + rounding + o) >> shift for e, o in zip(ends, odd, strict=True)]
    last = [(e + rounding - o) >> shift for e, o in zip(ends, odd, strict=True)]
    return np.stack(first + last[::-1], axis=axis)
