"""The layout of resized images in a flat array of bytes. Axes: M images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from yolo.data.transforms import resized_wh

if TYPE_CHECKING:
    import numpy.typing as npt


class ImageCache(Protocol):
    """The interface of caches for the data set."""

    def __len__(self) -> int:
        """Number of first images that have a slot."""

    def get(self, i: int) -> npt.NDArray[np.uint8] | None:
        """Return image i, resized and read-only, or None."""

    def put(self, i: int, image: npt.NDArray[np.uint8]) -> None:
        """Store image i, resized, if it has a slot."""


class Slots:
    """The layout, one image after another."""

    def __init__(self, sizes: npt.NDArray[np.int32], longer_side: int) -> None:
        """Compute the layout.

        Args:
            sizes: (M, 2), width and height of the images.
            longer_side: of the resized images, pixels.
        """
        resized = [resized_wh((width, height), longer_side) for width, height in sizes.tolist()]
        self.sizes_wh = np.array(resized, np.int32).reshape(-1, 2)
        self.ends = np.concatenate([[0], np.cumsum(3 * self.sizes_wh.astype(np.int64).prod(axis=1))])

    def __len__(self) -> int:
        return len(self.sizes_wh)

    @property
    def num_bytes(self) -> int:
        """Bytes of all slots."""
        return int(self.ends[-1])

    def num_fitting(self, num_bytes: int) -> int:
        """Return the number of first images whose slots fit in so many bytes."""
        return max(0, int(np.searchsorted(self.ends, num_bytes, side="right")) - 1)

    def view(self, pixels: npt.NDArray[np.uint8], i: int) -> npt.NDArray[np.uint8]:
        """Return the slot of image i, (height, width, 3)."""
        width, height = self.sizes_wh[i].tolist()
        return pixels[self.ends[i] : self.ends[i + 1]].reshape(height, width, 3)
