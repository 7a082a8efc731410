"""[yolo]: where a network's raw numbers become boxes.

Axes: B images, A anchors of this head, H and W cells, C classes, N = A * H * W candidate boxes.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from yolo.darknet.keys import check
from yolo.layers.base import LayerSpec, Shape, register

IouLoss = Literal["mse", "iou", "giou", "diou", "ciou"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSpec(LayerSpec):
    """A layer that detects. Its module hands on the raw numbers: losses and decoding start from those."""

    classes: int = 20

    @abstractmethod
    def num_channels(self, classes: int) -> int:
        """Input channels that this head needs for that many classes."""

    @abstractmethod
    def decode(self, raw: Tensor, image_size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Candidate boxes and their scores.

        Args:
            raw: (B, A * (5 + C), H, W), this head's entry of the model's output.
            image_size: (height, width) of the network input, pixels.

        Returns:
            boxes (B, N, 4), xyxy, pixels of the network input, and scores (B, N, C) in 0..1.
        """

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        needed = self.num_channels(self.classes)
        check("classes", x.channels == needed, f"needs {needed} input channels, has {x.channels}; "
              f"set filters={needed} in the layer before")  # fmt: skip
        return x

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return nn.Identity()


@register("yolo")
@dataclass(frozen=True, slots=True, kw_only=True)
class Yolo(HeadSpec):
    """Keys of [yolo]. Source: AlexeyAB/darknet src/parser.c parse_yolo, src/yolo_layer.c (59596d78)."""

    num: int = 1
    mask: tuple[int, ...] | None = None
    anchors: tuple[float, ...]
    max: int = 200
    scale_x_y: float = 1.0
    new_coords: bool = False

    jitter: float = 0.2
    resize: float = 1.0
    random: float = 0.0

    ignore_thresh: float = 0.5
    truth_thresh: float = 1.0
    iou_thresh: float = 1.0
    iou_thresh_kind: IouLoss = "iou"
    iou_loss: IouLoss = "mse"
    iou_normalizer: float = 0.75
    obj_normalizer: float = 1.0
    cls_normalizer: float = 1.0
    delta_normalizer: float = 1.0
    max_delta: float | None = None
    focal_loss: bool = False
    label_smooth_eps: float = 0.0
    objectness_smooth: bool = False
    counters_per_class: tuple[int, ...] = ()

    nms_kind: Literal["default", "greedynms", "diounms"] = "default"
    beta_nms: float = 0.6

    def __post_init__(self) -> None:
        check("classes", self.classes >= 1, "must be 1 or more")
        check("num", self.num >= 1, "must be 1 or more")
        check("anchors", len(self.anchors) >= 2 * self.num, f"num={self.num} needs {2 * self.num} numbers")
        check("anchors", min(self.anchors) > 0, "widths and heights must be above 0")
        for anchor in self.mask or ():
            check("mask", 0 <= anchor < self.num, f"anchor {anchor}, but num={self.num}; use 0..{self.num - 1}")

    @property
    def anchors_wh(self) -> tuple[tuple[float, float], ...]:
        """(width, height) of this head's anchors, pixels of the network input."""
        mask = range(self.num) if self.mask is None else self.mask
        return tuple((self.anchors[2 * i], self.anchors[2 * i + 1]) for i in mask)

    def num_channels(self, classes: int) -> int:
        return len(self.anchors_wh) * (5 + classes)

    def activate(self, raw: Tensor) -> Tensor:
        """What Darknet keeps as this layer's output.

        Args:
            raw: (B, A * (5 + C), H, W).

        Returns:
            (B, A, 5 + C, H, W): x and y within the cell, raw width and height, objectness, class probabilities.
        """
        x = self.split(raw)
        rest = x[:, :, 4:] if self.new_coords else x[:, :, 4:].sigmoid()
        return torch.cat([self.cell_offset(x[:, :, :2]), x[:, :, 2:4], rest], dim=2)

    def split(self, raw: Tensor) -> Tensor:
        """(B, A * (5 + C), H, W) -> (B, A, 5 + C, H, W)."""
        return raw.view(raw.shape[0], len(self.anchors_wh), 5 + self.classes, *raw.shape[2:])

    def cell_offset(self, raw_xy: Tensor) -> Tensor:
        """Raw x and y -> a box centre's place from its cell's corner, in cells."""
        xy = raw_xy if self.new_coords else raw_xy.sigmoid()
        return xy * self.scale_x_y - 0.5 * (self.scale_x_y - 1)

    def anchor_factor(self, raw_wh: Tensor) -> Tensor:
        """Raw width and height -> a box's size in anchors."""
        return raw_wh.square() * 4 if self.new_coords else raw_wh.exp()

    def logits(self, raw: Tensor) -> Tensor:
        """Raw objectness or classes -> logits; with new_coords the layer before has already squashed them."""
        return torch.logit(raw, eps=1e-6) if self.new_coords else raw

    def decode(self, raw: Tensor, image_size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        batch, _, height, width = raw.shape
        x = self.activate(raw).permute(0, 3, 4, 1, 2)  # cell-major, then anchor: Darknet's order of boxes
        size = x.new_tensor([image_size[1], image_size[0]])
        cells = x.new_tensor([width, height])
        centre = (x[..., :2] + cell_corners(x, height, width)[:, :, None]) / cells * size
        anchors = x.new_tensor(self.anchors_wh)
        wh = self.anchor_factor(x[..., 2:4]) * anchors
        boxes = torch.cat([centre - wh / 2, centre + wh / 2], dim=-1)
        scores = x[..., 4:5] * x[..., 5:]
        return boxes.reshape(batch, -1, 4), scores.reshape(batch, -1, self.classes)


def cell_corners(like: Tensor, height: int, width: int) -> Tensor:
    """(H, W, 2): column and row of each cell, in the dtype and on the device of `like`."""
    rows = torch.arange(height, dtype=like.dtype, device=like.device)
    columns = torch.arange(width, dtype=like.dtype, device=like.device)
    return torch.stack([columns.expand(height, -1), rows[:, None].expand(-1, width)], dim=-1)
