"""Warn where most objects are too small for a network input. Knows no network: boxes come as an array."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_log = logging.getLogger(__name__)

SMALL_SIDE = 12  # pixels of the network input, square root of the area: little more than a cell of a head at stride 8
MANY = 0.5  # fraction of the boxes


def warn_of_small_boxes(shapes: npt.NDArray[np.float64], size_wh: tuple[int, int], cfg: str) -> None:
    """Warn, with the remedies, if most boxes are small in a network input.

    Args:
        shapes: (N, 2), width and height of the boxes, pixels of the input.
        size_wh: width and height of the input.
        cfg: name of the network, for the message.
    """
    if not len(shapes):
        return
    small = float((np.sqrt(shapes.prod(axis=1)) < SMALL_SIDE).mean())
    if small > MANY:
        _log.warning(
            "%s: %.0f%% of the boxes are under %d px (square root of the area) in an input of %d x %d px: train with a "
            "larger --img-size, with --tile, or with a head at stride 4 (python -m yolo.cfg new --small-objects)",
            cfg, 100 * small, SMALL_SIDE, *size_wh,
        )  # fmt: skip
