"""[dropout]."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from yolo.darknet.keys import check
from yolo.layers.base import LayerSpec, Shape, register


@register("dropout")
@dataclass(frozen=True, slots=True, kw_only=True)
class Dropout(LayerSpec):
    """Keys of [dropout]; acts in training only."""

    probability: float = 0.2

    def __post_init__(self) -> None:
        check("probability", 0 <= self.probability < 1, "must be at least 0 and below 1")

    def out_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return nn.Dropout(self.probability)
