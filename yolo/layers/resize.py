"""[upsample]: larger maps."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from yolo.darknet.keys import check
from yolo.layers.base import LayerSpec, Shape, register


class UpsampleLayer(nn.Module):
    """(B, C, H, W) -> (B, C, H * stride, W * stride), nearest neighbour, times `scale`."""

    def __init__(self, stride: int, scale: float) -> None:
        super().__init__()
        self.stride = stride
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=float(self.stride), mode="nearest")
        return x if self.scale == 1 else x * self.scale


@register("upsample")
@dataclass(frozen=True, slots=True, kw_only=True)
class Upsample(LayerSpec):
    """Keys of [upsample]."""

    stride: int = 2
    scale: float = 1.0

    def __post_init__(self) -> None:
        check("stride", self.stride >= 1, "must be 1 or more")

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return Shape(x.channels, x.height * self.stride, x.width * self.stride)

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return UpsampleLayer(self.stride, self.scale)

    def kernel(self, *inputs: Shape) -> tuple[int, float]:
        del inputs
        return 1, 1 / self.stride
