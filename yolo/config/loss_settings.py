"""Settings of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LossName = Literal["cost-match", "shape-match", "darknet"]


@dataclass(frozen=True, slots=True)
class LossSettings:
    """Gains and thresholds of the loss."""

    giou: float = 3.54
    """Gain of the box term."""
    cls: float = 37.4
    """Gain of the class term for 80 classes; scaled by the number of classes / 80."""
    obj: float = 64.3
    """Gain of the objectness term."""
    iou_t: float = 0.2
    """Least IoU of shapes at which an anchor answers for a box."""
    cls_pw: float = 1.0
    """Weight of positives in the class term."""
    obj_pw: float = 1.0
    """Weight of positives in the objectness term."""
    fl_gamma: float = 0.0
    """Focal loss: how much easy cases count less, in both terms; 0: all alike."""
