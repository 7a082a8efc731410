"""Sections that compute nothing here: [empty], and the losses [cost] and [contrastive] inside a network file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from yolo.layers.layer_spec import LayerSpec, Shape, register


@register("empty", "silence")
@dataclass(frozen=True, slots=True, kw_only=True)
class Empty(LayerSpec):
    """[empty], the identity."""

    def out_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return nn.Identity()


@register("cost")
@dataclass(frozen=True, slots=True, kw_only=True)
class Cost(LayerSpec):
    """Keys of [cost], a loss inside the network file; here it is the identity, as losses are not layers."""

    can_be_output: ClassVar[bool] = False

    type: str = "sse"
    scale: float = 1.0
    ratio: float = 0.0

    def out_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return nn.Identity()


class Zeros(nn.Module):
    """(B, C, H, W) -> zeros of that shape."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


@register("contrastive")
@dataclass(frozen=True, slots=True, kw_only=True)
class Contrastive(LayerSpec):
    """Keys of [contrastive], a loss inside the network file; its output is 0, as in Darknet except in training."""

    classes: int = 1000
    yolo_layer: int = 0
    temperature: float = 1.0
    cls_normalizer: float = 1.0
    max_delta: float | None = None
    contrastive_neg_max: int = 3

    def out_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return Zeros()
