"""[convolutional]: convolution, batch normalisation or bias, activation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from yolo.darknet.keys import check
from yolo.layers.activations import build_activation
from yolo.layers.base import LayerSpec, Shape, register

# Darknet normalises with 1e-5 and keeps 0.9 of the old statistics a batch (its CPU code; 0.99 in its GPU code).
BATCH_NORM_EPS = 1e-5
BATCH_NORM_MOMENTUM = 0.1


class ConvLayer(nn.Module):
    """(B, C, H, W) -> (B, filters, H', W')."""

    def __init__(self, conv: nn.Conv2d, bn: nn.BatchNorm2d | None, activation: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.bn = bn
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.bn is not None:
            x = self.bn(x)
        y: Tensor = self.activation(x)
        return y


@register("convolutional", "conv")
@dataclass(frozen=True, slots=True, kw_only=True)
class Convolutional(LayerSpec):
    """Keys of [convolutional]. Source: AlexeyAB/darknet src/parser.c parse_convolutional (59596d78)."""

    filters: int = 1
    size: int = 1
    stride: int = 1
    stride_x: int | None = None
    stride_y: int | None = None
    dilation: int = 1
    groups: int = 1
    pad: bool = False
    padding: int = 0
    batch_normalize: bool = False
    cbn: bool = False
    activation: str = "logistic"

    def __post_init__(self) -> None:
        for key in ("filters", "size", "stride", "dilation", "groups"):
            check(key, getattr(self, key) >= 1, "must be 1 or more")
        check("padding", self.padding >= 0, "must be 0 or more")
        check("filters", self.filters % self.groups == 0, f"must be a multiple of groups={self.groups}")

    @property
    def strides(self) -> tuple[int, int]:
        """(vertical, horizontal)."""
        return self.stride_y or self.stride, self.stride_x or self.stride

    @property
    def total_padding(self) -> int:
        return self.size // 2 if self.pad else self.padding

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check("groups", x.channels % self.groups == 0, f"the {x.channels} input channels must be a multiple of it")
        vertical, horizontal = self.strides
        height = (x.height + 2 * self.total_padding - self.size) // vertical + 1
        width = (x.width + 2 * self.total_padding - self.size) // horizontal + 1
        check("size", height >= 1 and width >= 1, f"the {x.width} x {x.height} input is too small for it")
        return Shape(self.filters, height, width)

    def build(self, *inputs: Shape) -> nn.Module:
        (x,) = inputs
        normalize = self.batch_normalize or self.cbn
        dilation = self.dilation if self.size > 1 else 1
        conv = nn.Conv2d(
            x.channels,
            self.filters,
            self.size,
            self.strides,
            padding=self.total_padding * dilation,
            dilation=dilation,
            groups=self.groups,
            bias=not normalize,
        )
        bn = nn.BatchNorm2d(self.filters, BATCH_NORM_EPS, BATCH_NORM_MOMENTUM) if normalize else None
        return ConvLayer(conv, bn, build_activation(self.activation))

    def weights(self, module: nn.Module) -> list[Tensor]:
        assert isinstance(module, ConvLayer)
        return [*norm_or_bias(module), module.conv.weight]

    def flops(self, out: Shape, *inputs: Shape) -> int:
        (x,) = inputs
        return 2 * out.numel * (x.channels // self.groups) * self.size**2

    def kernel(self, *inputs: Shape) -> tuple[int, float]:
        del inputs
        return (self.size - 1) * self.dilation + 1, float(self.strides[1])


def norm_or_bias(module: ConvLayer) -> list[Tensor]:
    """Biases, then scales, means and variances where the layer normalises: Darknet's order."""
    bn = module.bn
    if bn is None:
        assert module.conv.bias is not None
        return [module.conv.bias]
    assert bn.running_mean is not None
    assert bn.running_var is not None
    return [bn.bias, bn.weight, bn.running_mean, bn.running_var]
