"""[yolo], the head of YOLOv3, v4 and v7. Axes as in `head`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from yolo.layers.head_spec import AnchorHeadSpec, NmsKind, cell_major, centres, scaled_offset
from yolo.layers.layer_spec import register


@register("yolo")
@dataclass(frozen=True, slots=True, kw_only=True)
class Yolo(AnchorHeadSpec):
    """Keys of [yolo]. Source: AlexeyAB/darknet src/parser.c parse_yolo, src/yolo_layer.c (59596d78)."""

    new_coords: bool = False
    focal_loss: bool = False
    nms_kind: NmsKind = "default"

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
        return scaled_offset(raw_xy if self.new_coords else raw_xy.sigmoid(), self.scale_x_y)

    def anchor_factor(self, raw_wh: Tensor) -> Tensor:
        """Raw width and height -> a box's size in anchors."""
        return raw_wh.square() * 4 if self.new_coords else raw_wh.exp()

    def logits(self, raw: Tensor) -> Tensor:
        """Raw objectness or classes -> logits; with new_coords the layer before has already squashed them."""
        return torch.logit(raw, eps=1e-6) if self.new_coords else raw

    def objectness(self, raw: Tensor) -> Tensor:
        return cell_major(self.activate(raw))[..., 4].flatten(1)

    def decode(self, raw: Tensor, image_size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        x = cell_major(self.activate(raw))
        centre = centres(x[..., :2], image_size)
        wh = self.anchor_factor(x[..., 2:4]) * x.new_tensor(self.anchors_wh)
        boxes = torch.cat([centre - wh / 2, centre + wh / 2], dim=-1)
        scores = x[..., 4:5] * x[..., 5:]
        return boxes.flatten(1, 3), scores.flatten(1, 3)
