"""The predictions of a [yolo] head by number, and what some of them say: all that need not be decoded is not.

Axes: B images, H and W cells, A anchors, C classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.layers import Yolo

MAX_RAW_SIZE = math.log(1e3)  # keeps exp() of an untrained width and its gradient finite


@dataclass(frozen=True, slots=True)
class HeadPredictions:
    """The raw output of a head. Boxes are numbered by image, row, column, anchor."""

    head: Yolo
    raw: Tensor  # (B, H, W, A, 5 + C)
    anchors_wh: Tensor  # (A, 2), pixels
    cell_wh: Tensor  # (2,), pixels

    @classmethod
    def of(cls, head: Yolo, raw: Tensor, image_size: tuple[int, int]) -> HeadPredictions:
        """Those of a raw output (B, A * (5 + C), H, W), float32 or wider, for an input of (height, width) pixels."""
        wide = raw.to(torch.promote_types(raw.dtype, torch.float32))
        cell = wide.new_tensor([image_size[1] / raw.shape[3], image_size[0] / raw.shape[2]])
        return cls(head, head.split(wide).permute(0, 3, 4, 1, 2), wide.new_tensor(head.anchors_wh), cell)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.raw.shape[1], self.raw.shape[2]

    def number(self, image: Tensor, row: Tensor, column: Tensor, anchor: Tensor) -> Tensor:
        """Numbers of predictions, of the shape that the arguments make together."""
        rows, columns = self.grid
        return ((image * rows + row) * columns + column) * len(self.anchors_wh) + anchor

    def pick(self, numbers: Tensor) -> Tensor:
        """(..., 5 + C): raw predictions of numbers (...)."""
        rows, columns = self.grid
        cell, anchor = numbers // len(self.anchors_wh), numbers % len(self.anchors_wh)
        return self.raw[cell // (rows * columns), cell // columns % rows, cell % columns, anchor]

    def boxes_cxcywh(self, numbers: Tensor, picked: Tensor) -> Tensor:
        """(..., 4): boxes of the predictions (..., 5 + C) that have these numbers, pixels, differentiable."""
        rows, columns = self.grid
        cell, anchor = numbers // len(self.anchors_wh), numbers % len(self.anchors_wh)
        corner = torch.stack([cell % columns, cell // columns % rows], dim=-1)
        centre = (corner + self.head.cell_offset(picked[..., :2])) * self.cell_wh
        factor = self.head.anchor_factor(picked[..., 2:4].clamp(max=MAX_RAW_SIZE))
        return torch.cat([centre, factor * self.anchors_wh[anchor]], dim=-1)
