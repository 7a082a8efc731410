"""Numbering of a head's predictions by image, anchor and grid cell. Knows no raw values and no ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class PredictionGrid:
    """The cells and anchors of a head, whose predictions are numbered in row-major order.

    Args:
        rows: H, cells from top to bottom.
        columns: W, cells from left to right.
        num_anchors: A.
        anchors_first: number predictions in the order (B, A, H, W) instead of (B, H, W, A).
    """

    rows: int
    columns: int
    num_anchors: int
    anchors_first: bool = False

    def index(self, image: Tensor, anchor: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """Return the numbers of predictions, int64; the arguments are broadcast."""
        if self.anchors_first:
            return ((image * self.num_anchors + anchor) * self.rows + row) * self.columns + column
        return ((image * self.rows + row) * self.columns + column) * self.num_anchors + anchor

    def image(self, index: Tensor) -> Tensor:
        """Return the images of predictions."""
        return index // (self.num_anchors * self.rows * self.columns)

    def anchor(self, index: Tensor) -> Tensor:
        """Return the anchors of predictions, each in 0..A - 1."""
        return (index // (self.rows * self.columns) if self.anchors_first else index) % self.num_anchors

    def row(self, index: Tensor) -> Tensor:
        """Return the rows of predictions."""
        return self._cell(index) // self.columns % self.rows

    def column(self, index: Tensor) -> Tensor:
        """Return the columns of predictions."""
        return self._cell(index) % self.columns

    def corner(self, index: Tensor) -> Tensor:
        """Return the column and the row of predictions (...) as (..., 2): the top left corners of their cells."""
        return torch.stack([self.column(index), self.row(index)], dim=-1)

    def cell_at(self, xy: Tensor) -> tuple[Tensor, Tensor]:
        """Return row and column of the cells that hold points (..., 2), in cells; points outside are clamped."""
        return xy[..., 1].long().clamp(0, self.rows - 1), xy[..., 0].long().clamp(0, self.columns - 1)

    def size(self, like: Tensor) -> Tensor:
        """Return (columns, rows), (2,), in the dtype and on the device of `like`."""
        return like.new_tensor([self.columns, self.rows])

    def _cell(self, index: Tensor) -> Tensor:
        """Drop the anchor where it is the last axis; what is left is row-major in row and column."""
        return index if self.anchors_first else index // self.num_anchors
