"""[detection], the head of YOLOv1: a vector of classes, confidences and boxes. Axes as in `head_spec`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from yolo.darknet.cfg_keys import check_key
from yolo.layers.head_spec import ClassActivation, HeadSpec, cell_offsets_to_pixels, centre_wh_to_xyxy, wh_tensor
from yolo.layers.layer_spec import Shape, register


@register("detection")
@dataclass(frozen=True, slots=True, kw_only=True)
class Detection(HeadSpec):
    """Keys of [detection]. Source: AlexeyAB/darknet src/detection_layer.c (59596d78).

    Here H = W = `side` and A = `num`. The raw output is (B, H * W * (C + A * 5), 1, 1): the classes of all cells, then
    the confidences of all cells, then the boxes of all cells.
    """

    keeps_low_objectness: ClassVar[bool] = True

    classes: int = 1
    coords: int = 1
    num: int = 1
    side: int = 7
    softmax: bool = False
    sqrt: bool = False
    max: int = 200

    rescore: bool = False
    forced: bool = False
    jitter: float = 0.2
    resize: float = 1.0
    random: float = 0.0
    reorg: bool = False
    coord_scale: float = 1.0
    object_scale: float = 1.0
    noobject_scale: float = 1.0
    class_scale: float = 1.0

    def __post_init__(self) -> None:
        for key in ("classes", "num", "side"):
            check_key(key, getattr(self, key) >= 1, "must be 1 or more")
        check_key("coords", self.coords == 4, "must be 4: x, y, width, height")

    @property
    def class_activation(self) -> ClassActivation:
        return "softmax" if self.softmax else "linear"

    def num_channels(self, classes: int) -> int:
        return self.side**2 * (classes + self.num * (1 + self.coords))

    def class_channels(self) -> Tensor:
        return torch.arange(self.side**2 * self.classes).view(-1, self.classes)

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        needed = self.num_channels(self.classes)
        check_key(
            "side", x.numel == needed, f"needs {needed} inputs, has {x.numel}; set output={needed} in the layer before"
        )
        return x

    def activate(self, raw: Tensor) -> Tensor:
        """Return Darknet's output of this layer, (B, H * W * (C + A * 5)): class probabilities, the rest raw."""
        classes, confidences, boxes = self.split(raw)
        if self.softmax:
            classes = classes.softmax(-1)
        return torch.cat([part.flatten(1) for part in (classes, confidences, boxes)], dim=1)

    def split(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return classes (B, H, W, C), confidences (B, H, W, A, 1) and boxes (B, H, W, A, 4)."""
        cells = self.side**2
        parts = torch.split(values.flatten(1), [cells * self.classes, cells * self.num, cells * self.num * 4], dim=1)
        grid = (-1, self.side, self.side)
        return parts[0].view(*grid, self.classes), parts[1].view(*grid, self.num, 1), parts[2].view(*grid, self.num, 4)

    def objectness(self, raw: Tensor) -> Tensor:
        return self.split(raw)[1].flatten(1)

    def decode(self, raw: Tensor, image_size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        classes, confidences, boxes = self.split(self.activate(raw))
        centre = cell_offsets_to_pixels(boxes[..., :2], image_size)
        wh = (boxes[..., 2:].square() if self.sqrt else boxes[..., 2:]) * wh_tensor(boxes, image_size)
        scores = confidences * classes[..., None, :]
        return centre_wh_to_xyxy(centre, wh).flatten(1, 3), scores.flatten(1, 3)
