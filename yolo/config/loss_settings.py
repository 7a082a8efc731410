"""Settings of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from yolo.errors import require, require_ranges

LossName = Literal["task-aligned", "shape-match", "darknet"]


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """The loss, its gains and thresholds."""

    loss: LossName = "task-aligned"
    """For [yolo] heads task-aligned (TOOD-style, CIoU) or shape-match (anchors, GIoU); for all heads darknet."""
    giou: float = 3.54
    """Gain of the box term."""
    cls: float = 37.4
    """Gain of the class term; with shape-match scaled by the number of classes / 80."""
    obj: float = 64.3
    """Gain of the objectness term."""
    iou_t: float = 0.2
    """Minimum IoU of shapes for an anchor to be assigned to a box."""
    cls_pw: float = 1.0
    """Weight of positives in the class term."""
    obj_pw: float = 1.0
    """Weight of positives in the objectness term."""
    fl_gamma: float = 0.0
    """Gamma of the focal loss, in both terms; 0: plain cross entropy."""

    def __post_init__(self) -> None:
        require_ranges(self, giou=(0, 1e6), cls=(0, 1e6), obj=(0, 1e6), iou_t=(0, 1))
        require("--cls-pw", self.cls_pw, self.cls_pw > 0, "a number above 0")
        require("--obj-pw", self.obj_pw, self.obj_pw > 0, "a number above 0")
        require("--fl-gamma", self.fl_gamma, self.fl_gamma >= 0, "0 or more")
