"""Settings of prediction: thresholds, suppression, and the size of the network input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from yolo.config.tile_settings import TileSettings
from yolo.errors import require, require_img_size, require_ranges

NmsKind = Literal["greedy", "merge", "linear", "gaussian", "diou"]


@dataclass(frozen=True, kw_only=True)
class PredictSettings(TileSettings):
    """Thresholds, suppression, and the size of the network input."""

    conf_thres: float = 0.25
    """Minimum score of a detection."""
    iou_thres: float = 0.45
    """Overlap above which the detection with the lower score is suppressed, among those of one class."""
    max_det: int = 300
    """Maximum number of detections per image."""
    classes: tuple[str | int, ...] = ()
    """Names or numbers of the classes to detect; default: all."""
    agnostic: bool = False
    """Let detections of different classes suppress each other."""
    multi_label: bool = True
    """Allow a box to be detected as several classes; else only as its best one."""
    nms: NmsKind = "greedy"
    """Suppression: greedy drops, merge averages, linear and gaussian lower scores, diou considers centres."""
    nms_beta: float = 1.0
    """For --nms diou: smaller spares boxes with distant centres; Darknet's greedynms uses 0.6."""
    nms_sigma: float = 0.5
    """For --nms gaussian: smaller lowers scores more."""
    img_size: int | None = None
    """Side of the network input, pixels; default: that of the training run, else the cfg's width."""
    rect: bool = False
    """Use the smallest input that fits an image's shape, not a square: faster, scores differ a little."""
    batch_size: int = 8
    """Images, or tiles, per batch; frames of streams are processed one by one."""

    def __post_init__(self) -> None:
        require("--conf-thres", self.conf_thres, 0 <= self.conf_thres < 1, "a number from 0 to below 1")
        require("--iou-thres", self.iou_thres, 0 < self.iou_thres <= 1, "a number above 0, up to 1")
        require_ranges(self, max_det=(1, 100_000))
        require("--nms-beta", self.nms_beta, self.nms_beta > 0, "a number above 0")
        require("--nms-sigma", self.nms_sigma, self.nms_sigma > 0, "a number above 0")
        require_img_size(self.img_size)
        require_ranges(self, batch_size=(1, 65_536))
        self.check_tiles(rect=self.rect)
