"""[dropout]: dropout, or DropBlock."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from torchvision.ops import DropBlock2d

from yolo.darknet.cfg_keys import check_key
from yolo.layers.layer_spec import LayerSpec, Shape, register


@register("dropout")
@dataclass(frozen=True, slots=True, kw_only=True)
class Dropout(LayerSpec):
    """Keys of [dropout]; active only in training. `dropblock` drops squares of cells instead of single values."""

    probability: float = 0.2
    dropblock: bool = False
    dropblock_size_rel: float = 0.0
    dropblock_size_abs: int = 0

    def __post_init__(self) -> None:
        check_key("probability", 0 <= self.probability < 1, "must be at least 0 and below 1")
        check_key("dropblock_size_rel", 0 <= self.dropblock_size_rel <= 1, "must be 0 to 1")
        check_key("dropblock_size_abs", self.dropblock_size_abs >= 0, "must be 0 or more")

    def out_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape) -> nn.Module:
        (x,) = inputs
        if not self.dropblock:
            return nn.Dropout(self.probability)
        if self.dropblock_size_abs:
            side = min(self.dropblock_size_abs, x.width, x.height)
        else:
            side = max(1, int(x.width * self.dropblock_size_rel))
        block: nn.Module = DropBlock2d(self.probability, side)
        return block
