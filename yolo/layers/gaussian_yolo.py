"""[Gaussian_yolo] (arXiv:1904.04620): a [yolo] head with an uncertainty per coordinate. Axes as in `head_spec`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from yolo.layers.head_spec import AnchorHeadSpec, apply_scale_x_y, cell_major, cell_offsets_to_pixels, centre_wh_to_xyxy
from yolo.layers.layer_spec import register

# The point of a box that x and y give -> offset from there to the centre, in widths and heights.
CENTRE_FROM_POINT = {"center": 0.0, "left_top": 0.5, "right_bottom": -0.5}


@register("Gaussian_yolo")
@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianYolo(AnchorHeadSpec):
    """Keys of [Gaussian_yolo]. Source: AlexeyAB/darknet src/gaussian_yolo_layer.c (59596d78)."""

    uc_normalizer: float = 1.0
    yolo_point: Literal["center", "left_top", "right_bottom"] = "center"
    nms_kind: Literal["default", "greedynms", "diounms", "cornersnms"] = "default"

    def num_channels(self, classes: int) -> int:
        return len(self.anchors_wh) * (9 + classes)

    def activate(self, raw: Tensor) -> Tensor:
        """Return Darknet's output of this layer.

        Args:
            raw: (B, A * (9 + C), H, W).

        Returns:
            (B, A, 9 + C, H, W): x, y, w and h, each followed by its uncertainty (w and h raw), objectness, classes.
        """
        x = self.split(raw)
        xy = apply_scale_x_y(x[:, :, 0:4:2].sigmoid(), self.scale_x_y)
        entries = [xy[:, :, :1], x[:, :, 1:2].sigmoid(), xy[:, :, 1:], x[:, :, 3:4].sigmoid(), x[:, :, 4:5],
                   x[:, :, 5:6].sigmoid(), x[:, :, 6:7], x[:, :, 7:].sigmoid()]  # fmt: skip
        return torch.cat(entries, dim=2)

    def objectness(self, raw: Tensor) -> Tensor:
        return cell_major(self.activate(raw))[..., 8].flatten(1)

    def uncertainty(self, raw: Tensor) -> Tensor:
        """Return the uncertainties of x, y, width and height, (B, N, 4) in 0..1."""
        return cell_major(self.activate(raw))[..., 1:8:2].flatten(1, 3)

    def decode(self, raw: Tensor, image_size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        x = cell_major(self.activate(raw))
        wh = x[..., 4:8:2].exp() * x.new_tensor(self.anchors_wh)
        centre = cell_offsets_to_pixels(x[..., 0:4:2], image_size) + CENTRE_FROM_POINT[self.yolo_point] * wh
        boxes_xyxy = centre_wh_to_xyxy(centre, wh)
        certainty = 1 - x[..., 1:8:2].mean(-1, keepdim=True)
        scores = x[..., 8:9] * x[..., 9:] * certainty
        return boxes_xyxy.flatten(1, 3), scores.flatten(1, 3)
