"""Raw predictions of a [yolo] head by number; only the boxes that are asked for are decoded.

Axes: B images, H and W cells, A anchors, C classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from yolo.losses.ignore_regions import is_ignored
from yolo.losses.prediction_grid import PredictionGrid

if TYPE_CHECKING:
    from torch import Tensor

    from yolo.layers import Yolo

MAX_RAW_SIZE = math.log(1e3)  # keeps exp() of an untrained width and its gradient finite


@dataclass(frozen=True, slots=True)
class HeadPredictions:
    """The predictions of one head for a batch, numbered by image, row, column and anchor."""

    head: Yolo
    output: Tensor  # (B, A * (5 + C), H, W), float32 or wider
    raw: Tensor  # (B, H, W, A, 5 + C), a view of it
    grid: PredictionGrid
    anchors_wh: Tensor  # (A, 2), pixels
    cell_wh: Tensor  # (2,), pixels
    image_size: tuple[int, int]  # (height, width) of the network input, pixels

    @classmethod
    def from_output(cls, head: Yolo, output: Tensor, image_size: tuple[int, int]) -> HeadPredictions:
        """Widen a raw output (B, A * (5 + C), H, W) to float32 if need be, for an input of (height, width) pixels."""
        output = output.to(torch.promote_types(output.dtype, torch.float32))
        rows, columns = output.shape[2:]
        return cls(
            head=head,
            output=output,
            raw=head.split(output).permute(0, 3, 4, 1, 2),
            grid=PredictionGrid(rows, columns, len(head.anchors_wh)),
            anchors_wh=output.new_tensor(head.anchors_wh),
            cell_wh=output.new_tensor([image_size[1] / columns, image_size[0] / rows]),
            image_size=image_size,
        )

    def location(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return image, row, column and anchor of predictions: where they stand in a tensor (B, H, W, A, ...)."""
        return self.grid.image(index), self.grid.row(index), self.grid.column(index), self.grid.anchor(index)

    def select(self, index: Tensor) -> Tensor:
        """Return the raw values (..., 5 + C) of predictions (...)."""
        return self.raw[self.location(index)]

    def boxes_cxcywh(self, index: Tensor, raw: Tensor) -> Tensor:
        """Decode the boxes of predictions, differentiably.

        Args:
            index: (...), numbers of predictions.
            raw: (..., 5 + C), their raw values.

        Returns:
            (..., 4), pixels of the network input.
        """
        center = (self.grid.corner(index) + self.head.cell_offset(raw[..., :2])) * self.cell_wh
        factor = self.head.anchor_factor(raw[..., 2:4].clamp(max=MAX_RAW_SIZE))
        return torch.cat([center, factor * self.anchors_wh[self.grid.anchor(index)]], dim=-1)

    def outside(self, ignore_regions: Tensor) -> Tensor:
        """Return (B, H, W, A) bool: whether a prediction lies in none of the ignore regions (R, 6)."""
        shape = self.raw.shape[:-1]
        if not len(ignore_regions):
            return torch.ones(shape, dtype=torch.bool, device=self.raw.device)
        boxes_xyxy, _ = self.head.decode(self.output.detach(), self.image_size)
        return ~is_ignored(boxes_xyxy, ignore_regions, self.image_size).view(shape)
