"""[maxpool], [local_avgpool] and [avgpool]."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yolo.darknet.cfg_keys import check_key
from yolo.layers.blur import Blur, blur_shape
from yolo.layers.layer_spec import LayerSpec, Shape, register, window_shape


@dataclass(frozen=True, slots=True)
class PoolWindow:
    """A sliding window with Darknet's padding: `padding` pixels a side in total, the smaller half at the start."""

    size: int
    strides: tuple[int, int]  # vertical, horizontal
    padding: int

    def out_shape(self, x: Shape) -> Shape:
        return window_shape(x, x.channels, self.size, self.strides, self.padding)

    @property
    def padding_sides(self) -> tuple[int, int]:
        """Pixels of padding at the start and at the end of each axis."""
        return self.padding // 2, self.padding - self.padding // 2

    def build_max_pool(self) -> nn.Module:
        before, after = self.padding_sides
        if before == after <= self.size // 2:
            return nn.MaxPool2d(self.size, self.strides, padding=before)
        if before == 0 and after == 1 and self.strides == (2, 2) and self.size > 1:
            return nn.MaxPool2d(self.size, self.strides, ceil_mode=True)  # the same windows, without a padded copy
        pad = nn.ConstantPad2d((before, after, before, after), -math.inf)
        return nn.Sequential(pad, nn.MaxPool2d(self.size, self.strides))


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec(LayerSpec):
    """Keys of both kinds of pooling; `size` defaults to `stride`, `padding` (pixels in total) to `size` - 1."""

    stride: int = 1
    stride_x: int | None = None
    stride_y: int | None = None
    size: int | None = None
    padding: int | None = None

    def __post_init__(self) -> None:
        check_key("stride", self.stride >= 1, "must be 1 or more")
        for key in ("stride_x", "stride_y"):
            check_key(key, getattr(self, key) is None or getattr(self, key) >= 1, "must be 1 or more")
        check_key("size", self.window.size >= 1, "must be 1 or more")
        check_key("padding", self.window.padding >= 0, "must be 0 or more")

    @property
    def window(self) -> PoolWindow:
        size = self.stride if self.size is None else self.size
        strides = (self.stride_y or self.stride, self.stride_x or self.stride)
        return PoolWindow(size, strides, size - 1 if self.padding is None else self.padding)

    def out_shape(self, *inputs: Shape) -> Shape:
        return self.window.out_shape(inputs[0])

    def flops(self, out: Shape, *inputs: Shape) -> int:
        del inputs
        return self.window.size**2 * out.numel

    def kernel_and_stride(self, *inputs: Shape) -> tuple[int, float]:
        del inputs
        return self.window.size, float(self.window.strides[1])


class ChannelMaxPool(nn.Module):
    """Maximum over channels k, k + out_channels, ...: (B, C, H, W) -> (B, out_channels, H, W)."""

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> Tensor:
        missing = -x.shape[1] % self.out_channels
        x = F.pad(x, (0, 0, 0, 0, 0, missing), value=-math.inf)
        return x.reshape(x.shape[0], -1, self.out_channels, *x.shape[2:]).amax(1)


@register("maxpool", "max")
@dataclass(frozen=True, slots=True, kw_only=True)
class Maxpool(PoolSpec):
    """Keys of [maxpool]; `maxpool_depth` pools over channels instead of pixels."""

    antialiasing: int = 0
    maxpool_depth: bool = False
    out_channels: int = 1
    maxpool_zero_nonmax: bool = False  # changes only Darknet's gradients

    def __post_init__(self) -> None:
        PoolSpec.__post_init__(self)
        check_key("out_channels", self.out_channels >= 1, "must be 1 or more")
        check_key("antialiasing", self.antialiasing in (0, 1, 2), "use 0, 1 or 2")

    @property
    def stride_1_window(self) -> PoolWindow:
        """The window with stride 1: with antialiasing, the blur has the stride."""
        return replace(self.window, strides=(1, 1))

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.maxpool_depth:
            return x._replace(channels=self.out_channels)
        if self.antialiasing:
            return blur_shape(self.stride_1_window.out_shape(x), self.antialiasing, self.window.strides)
        return self.window.out_shape(x)

    def build(self, *inputs: Shape) -> nn.Module:
        if self.maxpool_depth:
            return ChannelMaxPool(self.out_channels)
        if self.antialiasing:
            blur = Blur(inputs[0].channels, self.antialiasing, self.window.strides)
            return nn.Sequential(self.stride_1_window.build_max_pool(), blur)
        return self.window.build_max_pool()

    def flops(self, out: Shape, *inputs: Shape) -> int:
        if self.antialiasing:
            out = self.stride_1_window.out_shape(inputs[0])
        return self.window.size**2 * inputs[0].channels * out.height * out.width


class AvgPoolWithoutPadding(nn.Module):
    """Mean over the pixels of a window inside the feature map; padding does not count."""

    def __init__(self, window: PoolWindow) -> None:
        super().__init__()
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        before, after = self.window.padding_sides
        x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # the last channel is 1 inside the feature map
        x = F.pad(x, (before, after, before, after))
        means = F.avg_pool2d(x, self.window.size, self.window.strides)
        return means[:, :-1] / means[:, -1:]


@register("local_avgpool", "local_avg")
@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAvgpool(PoolSpec):
    """Keys of [local_avgpool]: average pooling with the windows of [maxpool]."""

    def __post_init__(self) -> None:
        PoolSpec.__post_init__(self)
        before, after = self.window.padding_sides
        check_key("padding", max(before, after) < self.window.size, "must leave a pixel of the map in each window")

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return AvgPoolWithoutPadding(self.window)


class GlobalAvgPool(nn.Module):
    """Mean of each channel, (B, C, H, W) -> (B, C, 1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3), keepdim=True)


@register("avgpool", "avg")
@dataclass(frozen=True, slots=True, kw_only=True)
class Avgpool(LayerSpec):
    """[avgpool]: global average pooling."""

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(inputs[0].channels, 1, 1)

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return GlobalAvgPool()

    def kernel_and_stride(self, *inputs: Shape) -> tuple[int, float]:
        return inputs[0].width, float(inputs[0].width)
