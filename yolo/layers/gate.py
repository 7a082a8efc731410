"""[scale_channels] and [sam]: an earlier map multiplied by the output of the layer before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from yolo.darknet.cfg_keys import check_key
from yolo.layers.activations import build_activation
from yolo.layers.layer_spec import LayerSpec, Shape, absolute_index, register


class GateLayer(nn.Module):
    """Product of factors and a map (B, C, H, W), broadcast along axes of size 1, then an activation."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, factors: Tensor, x: Tensor) -> Tensor:
        y: Tensor = self.activation(x * factors)
        return y


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSpec(LayerSpec):
    """Keys of both: the map that is multiplied, and the activation that follows."""

    combines_inputs: ClassVar[bool] = True

    from_: int
    activation: str = "linear"

    def sources(self, index: int) -> tuple[int, ...]:
        return index - 1, absolute_index(index, self.from_, "from")

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return GateLayer(build_activation(self.activation))


@register("scale_channels")
@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleChannels(GateSpec):
    """Keys of [scale_channels]: one factor per channel, or per cell with `scale_wh`."""

    scale_wh: bool = False

    def out_shape(self, *inputs: Shape) -> Shape:
        factors, x = inputs
        needed = Shape(1, x.height, x.width) if self.scale_wh else Shape(x.channels, 1, 1)
        check_key("from", factors == needed, f"a map of {x} needs factors of {needed}, the layer before has {factors}")
        return x


@register("sam")
@dataclass(frozen=True, slots=True, kw_only=True)
class Sam(GateSpec):
    """Keys of [sam] (spatial attention): one factor per value."""

    def out_shape(self, *inputs: Shape) -> Shape:
        factors, x = inputs
        check_key(
            "from", factors == x, f"a map of {x} cannot be multiplied by one of {factors}; they must be equal in size"
        )
        return x
