"""Non-maximum suppression: decoded predictions in, `Detections` out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Predictions:
    """What decoding gives for a batch. Axes: B images, N candidate boxes, C classes."""

    boxes_xyxy: torch.Tensor  # (B, N, 4) float, pixels of the network input
    scores: torch.Tensor  # (B, N, C) float in 0..1, objectness times class probability


@dataclass(frozen=True, slots=True)
class Detections:
    """What is found in one picture, best first."""

    xyxy: torch.Tensor  # (N, 4) float32, pixels
    score: torch.Tensor  # (N,) float32 in 0..1
    class_id: torch.Tensor  # (N,) int64

    def __len__(self) -> int:
        return len(self.score)
