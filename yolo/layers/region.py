"""[region], the head of YOLOv2 and YOLO9000. Axes as in `head_spec`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from yolo.darknet.cfg_keys import check_key
from yolo.layers.class_tree import read_tree
from yolo.layers.head_spec import (
    ClassActivation,
    HeadSpec,
    cell_major,
    cell_offsets_to_pixels,
    centre_wh_to_xyxy,
    check_anchors,
    wh_tensor,
)
from yolo.layers.layer_spec import Shape, register

# With a tree, the predicted class is the last (most specific) one whose probability is above this.
TREE_THRESHOLD = 0.5


@register("region")
@dataclass(frozen=True, slots=True, kw_only=True)
class Region(HeadSpec):
    """Keys of [region]; anchors are in cells. Source: AlexeyAB/darknet src/region_layer.c (59596d78)."""

    keeps_low_objectness: ClassVar[bool] = True

    coords: int = 4
    num: int = 1
    anchors: tuple[float, ...]
    softmax: bool = False
    tree: Path | None = None
    map: str | None = None
    max: int = 200
    mask: tuple[int, ...] | None = None

    log: bool = False
    sqrt: bool = False
    jitter: float = 0.2
    resize: float = 1.0
    random: float = 0.0
    rescore: bool = False
    thresh: float = 0.5
    classfix: int = 0
    absolute: bool = False
    bias_match: bool = False
    focal_loss: bool = False
    coord_scale: float = 1.0
    object_scale: float = 1.0
    noobject_scale: float = 1.0
    mask_scale: float = 1.0
    class_scale: float = 1.0

    def __post_init__(self) -> None:
        check_key("classes", self.classes >= 1, "must be 1 or more")
        check_key("coords", self.coords >= 4, "must be 4 or more")
        check_anchors(self.anchors, self.num)

    @property
    def class_activation(self) -> ClassActivation:
        return "softmax" if self.softmax else "linear"

    def num_channels(self, classes: int) -> int:
        return self.num * (self.coords + 1 + classes)

    def class_channels(self) -> Tensor:
        return torch.arange(self.num_channels(self.classes)).view(self.num, -1)[:, self.coords + 1 :]

    def out_shape(self, *inputs: Shape) -> Shape:
        if self.tree is not None:
            classes = len(read_tree(self.tree).parents)
            check_key("tree", self.classes == classes, f"has {classes} classes, this layer {self.classes}")
        return HeadSpec.out_shape(self, *inputs)

    def activate(self, raw: Tensor) -> Tensor:
        """Return Darknet's output of this layer.

        Args:
            raw: (B, A * (coords + 1 + C), H, W).

        Returns:
            (B, H, W, A, coords + 1 + C): raw coordinates, objectness, class probabilities (among siblings with a
            tree; raw with neither tree nor softmax).
        """
        x = cell_major(raw.view(raw.shape[0], self.num, self.coords + 1 + self.classes, *raw.shape[2:]))
        box, objectness, classes = torch.split(x, [self.coords, 1, self.classes], dim=-1)
        if self.tree is not None:
            classes = read_tree(self.tree).softmax(classes)
        elif self.softmax:
            classes = classes.softmax(-1)
        return torch.cat([box, objectness.sigmoid(), classes], dim=-1)

    def objectness(self, raw: Tensor) -> Tensor:
        """Return 1 for every box, (B, N): Darknet uses the objectness only within the scores."""
        return raw.new_ones(raw.shape[0], self.num * raw.shape[2] * raw.shape[3])

    def thresholded_scores(self, raw: Tensor, scores: Tensor, threshold: float) -> Tensor:
        if self.tree is None:
            return HeadSpec.thresholded_scores(self, raw, scores, threshold)
        # With a tree, Darknet compares the objectness with the threshold and reports the class probability without it.
        x = self.activate(raw).flatten(1, 3)
        probabilities = self._class_probabilities(x[..., self.coords + 1 :])
        return torch.where(x[..., self.coords : self.coords + 1] > threshold, probabilities, 0.0)

    def decode(self, raw: Tensor, image_size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        x = self.activate(raw)
        centre = cell_offsets_to_pixels(x[..., :2].sigmoid(), image_size)
        cell = wh_tensor(x, image_size) / wh_tensor(x, (x.shape[1], x.shape[2]))
        wh = x[..., 2:4].exp() * x.new_tensor(self.anchors[: 2 * self.num]).view(-1, 2) * cell
        boxes_xyxy = centre_wh_to_xyxy(centre, wh)
        scores = x[..., self.coords : self.coords + 1] * self._class_probabilities(x[..., self.coords + 1 :])
        return boxes_xyxy.flatten(1, 3), scores.flatten(1, 3)

    def _class_probabilities(self, classes: Tensor) -> Tensor:
        """Return class probabilities; with a tree, 0 for all classes but the predicted one."""
        if self.tree is None:
            return classes
        probabilities = read_tree(self.tree).absolute_probabilities(classes)
        number = torch.arange(self.classes, device=classes.device)
        last = torch.where(probabilities > TREE_THRESHOLD, number, -1).amax(-1, keepdim=True)
        return torch.where(number == last, probabilities, 0.0)
