"""[yolo], the head of YOLOv3, v4 and v7. Axes as in `head_spec`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from yolo.layers.head_spec import AnchorHeadSpec, apply_scale_x_y, cell_major, cell_offsets_to_pixels, centre_wh_to_xyxy
from yolo.layers.layer_spec import register


@register("yolo")
@dataclass(frozen=True, slots=True, kw_only=True)
class Yolo(AnchorHeadSpec):
    """Keys of [yolo]. Source: AlexeyAB/darknet src/parser.c parse_yolo, src/yolo_layer.c (59596d78)."""

    new_coords: bool = False
    focal_loss: bool = False
    nms_kind: Literal["default", "greedynms", "diounms"] = "default"

    embedding_layer: int | None = None
    track_history_size: int = 5
    sim_thresh: float = 0.8
    dets_for_track: int = 1
    dets_for_show: int = 1
    track_ciou_norm: float = 0.01
    show_details: bool = True

    def num_channels(self, classes: int) -> int:
        return len(self.anchors_wh) * (5 + classes)

    def activate(self, raw: Tensor) -> Tensor:
        """Return Darknet's output of this layer.

        Args:
            raw: (B, A * (5 + C), H, W).

        Returns:
            (B, A, 5 + C, H, W): x and y within the cell, raw width and height, objectness, class probabilities.
        """
        x = self.split(raw)
        rest = x[:, :, 4:] if self.new_coords else x[:, :, 4:].sigmoid()
        return torch.cat([self.cell_offset(x[:, :, :2]), x[:, :, 2:4], rest], dim=2)

    def cell_offset(self, raw_xy: Tensor) -> Tensor:
        """Convert raw x and y to the offset of a box centre from its cell's corner, in cells."""
        return apply_scale_x_y(raw_xy if self.new_coords else raw_xy.sigmoid(), self.scale_x_y)

    def anchor_factor(self, raw_wh: Tensor) -> Tensor:
        """Convert raw width and height to the box size as a multiple of the anchor."""
        return raw_wh.square() * 4 if self.new_coords else raw_wh.exp()

    def logits(self, raw: Tensor) -> Tensor:
        """Convert raw objectness or classes to logits; with `new_coords` the layer before applied the sigmoid."""
        return torch.logit(raw, eps=1e-6) if self.new_coords else raw

    def objectness(self, raw: Tensor) -> Tensor:
        return cell_major(self.activate(raw))[..., 4].flatten(1)

    def decode(self, raw: Tensor, image_size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        x = cell_major(self.activate(raw))
        centre = cell_offsets_to_pixels(x[..., :2], image_size)
        wh = self.anchor_factor(x[..., 2:4]) * x.new_tensor(self.anchors_wh)
        boxes_xyxy = centre_wh_to_xyxy(centre, wh)
        scores = x[..., 4:5] * x[..., 5:]
        return boxes_xyxy.flatten(1, 3), scores.flatten(1, 3)
