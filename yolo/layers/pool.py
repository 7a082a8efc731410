"""[maxpool] and [avgpool]."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from yolo.darknet.keys import check
from yolo.layers.base import LayerSpec, Shape, register


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window with Darknet's padding: `padding` cells in all, the smaller half before the first cell."""

    size: int
    strides: tuple[int, int]  # vertical, horizontal
    padding: int

    def out_shape(self, x: Shape) -> Shape:
        height = (x.height + self.padding - self.size) // self.strides[0] + 1
        width = (x.width + self.padding - self.size) // self.strides[1] + 1
        check("size", height >= 1 and width >= 1, f"the {x.width} x {x.height} input is too small for it")
        return Shape(x.channels, height, width)

    def build_max(self) -> nn.Module:
        before = self.padding // 2
        after = self.padding - before
        if before == after <= self.size // 2:
            return nn.MaxPool2d(self.size, self.strides, padding=before)
        if before == 0 and after == 1 and self.strides == (2, 2) and self.size > 1:
            return nn.MaxPool2d(self.size, self.strides, ceil_mode=True)  # the same cells without a padded copy
        pad = nn.ConstantPad2d((before, after, before, after), -math.inf)
        return nn.Sequential(pad, nn.MaxPool2d(self.size, self.strides))


@register("maxpool", "max")
@dataclass(frozen=True, slots=True, kw_only=True)
class Maxpool(LayerSpec):
    """Keys of [maxpool]; `size` defaults to `stride`, `padding` (cells in all) to `size` - 1."""

    stride: int = 1
    stride_x: int | None = None
    stride_y: int | None = None
    size: int | None = None
    padding: int | None = None

    def __post_init__(self) -> None:
        check("stride", self.stride >= 1, "must be 1 or more")
        check("size", self.window.size >= 1, "must be 1 or more")
        check("padding", self.window.padding >= 0, "must be 0 or more")

    @property
    def window(self) -> Window:
        size = self.stride if self.size is None else self.size
        strides = (self.stride_y or self.stride, self.stride_x or self.stride)
        return Window(size, strides, size - 1 if self.padding is None else self.padding)

    def out_shape(self, *inputs: Shape) -> Shape:
        return self.window.out_shape(inputs[0])

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return self.window.build_max()

    def flops(self, out: Shape, *inputs: Shape) -> int:
        del inputs
        return self.window.size**2 * out.numel

    def kernel(self, *inputs: Shape) -> tuple[int, float]:
        del inputs
        return self.window.size, float(self.window.strides[1])


class GlobalMean(nn.Module):
    """(B, C, H, W) -> (B, C, 1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3), keepdim=True)


@register("avgpool", "avg")
@dataclass(frozen=True, slots=True, kw_only=True)
class Avgpool(LayerSpec):
    """[avgpool]: the mean of each channel."""

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(inputs[0].channels, 1, 1)

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return GlobalMean()

    def kernel(self, *inputs: Shape) -> tuple[int, float]:
        return inputs[0].width, float(inputs[0].width)
