"""Boxes with scores, before and after non-maximum suppression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Predictions:
    """Decoded network outputs of a batch. Axes: B images, N candidate boxes, C classes."""

    boxes_xyxy: Tensor  # (B, N, 4) float, pixels of the network input
    scores: Tensor  # (B, N, C) float in 0..1, objectness times class probability


@dataclass(frozen=True, slots=True)
class Detections:
    """Objects detected in one image, best first."""

    xyxy: Tensor  # (N, 4) float32, pixels
    score: Tensor  # (N,) float32 in 0..1
    class_id: Tensor  # (N,) int64

    def __len__(self) -> int:
        return len(self.score)
