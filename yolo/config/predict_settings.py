"""Settings of detection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from yolo.errors import require, require_img_size

SuppressionKind = Literal["greedy", "merge", "linear", "gaussian", "diou"]


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """What counts as found, and how frames enter the network."""

    conf_thres: float = 0.25
    """Least score of a detection."""
    iou_thres: float = 0.45
    """Overlap above which the weaker of two detections of a class is dropped."""
    max_det: int = 300
    """Most detections an image."""
    classes: tuple[str | int, ...] = ()
    """Names or numbers of the only classes to find; default: all."""
    agnostic: bool = False
    """Let detections of different classes suppress each other."""
    multi_label: bool = True
    """Let a box be found as several classes; else as its best one only."""
    nms: SuppressionKind = "greedy"
    """Suppression: greedy drops, merge averages, linear and gaussian weaken, diou regards centres."""
    nms_beta: float = 1.0
    """Of --nms diou: smaller spares boxes of distant centres; Darknet's greedynms has 0.6."""
    nms_sigma: float = 0.5
    """Of --nms gaussian: smaller weakens more."""
    img_size: int | None = None
    """Side of the network input, pixels; default: the run's, else the cfg's width."""
    rect: bool = False
    """Input as large as the image's shape needs, not square: faster, scores differ a little."""
    batch_size: int = 8
    """Images, or tiles, at once; streams go one by one."""
    tile: bool = False
    """Cut images larger than the network input into overlapping tiles of its size."""
    tile_overlap: float = 0.25
    """Of neighbouring tiles, a part of the side: objects up to this size are whole in some tile."""

    def __post_init__(self) -> None:
        require("--conf-thres", self.conf_thres, 0 <= self.conf_thres < 1, "a number from 0 to below 1")
        require("--iou-thres", self.iou_thres, 0 < self.iou_thres <= 1, "a number above 0, up to 1")
        require("--max-det", self.max_det, self.max_det >= 1, "1 or more")
        require("--nms-beta", self.nms_beta, self.nms_beta > 0, "a number above 0")
        require("--nms-sigma", self.nms_sigma, self.nms_sigma > 0, "a number above 0")
        require_img_size(self.img_size)
        require("--batch-size", self.batch_size, self.batch_size >= 1, "1 or more")
        require("--tile-overlap", self.tile_overlap, 0 <= self.tile_overlap <= 0.9, "a number from 0 to 0.9")
        require("--tile", self.tile, not (self.tile and self.rect), "one of --tile and --rect: tiles are square")
