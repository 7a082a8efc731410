"""Layers that change the size of a map: [upsample], [reorg], [reorg3d] and [crop]."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yolo.darknet.cfg_keys import check_key
from yolo.layers.layer_spec import LayerSpec, Shape, register


class UpsampleLayer(nn.Module):
    """Nearest-neighbour upsampling times `scale`, (B, C, H, W) -> (B, C, H * stride, W * stride)."""

    def __init__(self, stride: int, scale: float) -> None:
        super().__init__()
        self.stride = stride
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=float(self.stride), mode="nearest")
        return x if self.scale == 1 else x * self.scale


class SumPool(nn.Module):
    """Sum over blocks of cells times `scale`, (B, C, H, W) -> (B, C, H / stride, W / stride)."""

    def __init__(self, stride: int, scale: float) -> None:
        super().__init__()
        self.stride = stride
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, self.stride, divisor_override=1) * self.scale


@register("upsample")
@dataclass(frozen=True, slots=True, kw_only=True)
class Upsample(LayerSpec):
    """Keys of [upsample]; a negative `stride` makes the map smaller."""

    stride: int = 2
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_key("stride", self.stride != 0, "must not be 0")

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.stride > 0:
            return Shape(x.channels, x.height * self.stride, x.width * self.stride)
        out = Shape(x.channels, x.height // -self.stride, x.width // -self.stride)
        check_key("stride", out.height >= 1 and out.width >= 1, f"the {x.width} x {x.height} input is too small for it")
        return out

    def kernel_and_stride(self, *inputs: Shape) -> tuple[int, float]:
        del inputs
        return (1, 1 / self.stride) if self.stride > 0 else (-self.stride, float(-self.stride))

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return UpsampleLayer(self.stride, self.scale) if self.stride > 0 else SumPool(-self.stride, self.scale)


def space_to_depth(x: Tensor, grid: Shape, stride: int) -> Tensor:
    """Move the values of neighbouring cells into channels.

    Args:
        x: (B, numel), read as (C / s / s, H * s, W * s).
        grid: the shape (C, H, W) of the result.
        stride: s.

    Returns:
        (B, numel), to be viewed as the grid.
    """
    batch = x.shape[0]
    if grid.channels % stride**2:
        return x[:, _space_to_depth_index(grid, stride, x.device)]
    blocks = x.view(batch, grid.channels // stride**2, grid.height, stride, grid.width, stride)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(batch, -1)


def depth_to_space(x: Tensor, grid: Shape, stride: int) -> Tensor:
    """Invert `space_to_depth`: `x` (B, numel) has the grid's (C, H, W), the result (C / s / s, H * s, W * s)."""
    batch = x.shape[0]
    blocks = x.view(batch, stride, stride, grid.channels // stride**2, grid.height, grid.width)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(batch, -1)


def _space_to_depth_index(grid: Shape, stride: int, device: torch.device) -> Tensor:
    """Return the source index (numel,) of each value, as in Darknet, where the channels do not divide by s * s."""
    channels = grid.channels // stride**2
    k, row, column = torch.meshgrid(*(torch.arange(size, device=device) for size in grid), indexing="ij")
    offset, channel = k // channels, k % channels
    x, y = column * stride + offset % stride, row * stride + offset // stride
    return (x + grid.width * stride * (y + grid.height * stride * channel)).flatten()


class ReorgLayer(nn.Module):
    """Space to depth, (B, C, H, W) -> (B, C * s * s, H / s, W / s), or the reverse.

    Args:
        stride: s.
        reverse: depth to space.
        by_input: index by the input's shape, as Darknet's [reorg] does, or by the output's ([reorg3d]); only the second
            keeps neighbouring cells together.

    Source: AlexeyAB/darknet src/blas.c reorg_cpu (59596d78).
    """

    def __init__(self, stride: int, *, reverse: bool, by_input: bool) -> None:
        super().__init__()
        self.stride = stride
        self.reverse = reverse
        self.by_input = by_input

    def forward(self, x: Tensor) -> Tensor:
        source = Shape(*x.shape[1:])
        target = reorg_shape(source, self.stride, self.reverse)
        rearrange = depth_to_space if self.reverse else space_to_depth
        values = rearrange(x.flatten(1), source if self.by_input else target, self.stride)
        return values.view(-1, *target)


def reorg_shape(x: Shape, stride: int, reverse: bool) -> Shape:
    """Return the shape after a reorg."""
    if reverse:
        return Shape(x.channels // stride**2, x.height * stride, x.width * stride)
    return Shape(x.channels * stride**2, x.height // stride, x.width // stride)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReorgSpec(LayerSpec):
    """Keys shared by [reorg] and [reorg3d]."""

    stride: int = 1
    reverse: bool = False

    def __post_init__(self) -> None:
        check_key("stride", self.stride >= 1, "must be 1 or more")

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.reverse:
            check_key("stride", x.channels % self.stride**2 == 0, f"{x.channels} channels do not divide by its square")
        else:
            divides = x.height % self.stride == 0 and x.width % self.stride == 0
            check_key("stride", divides, f"the {x.width} x {x.height} input does not divide by it")
        return reorg_shape(x, self.stride, self.reverse)

    def kernel_and_stride(self, *inputs: Shape) -> tuple[int, float]:
        del inputs
        return (1, 1 / self.stride) if self.reverse else (self.stride, float(self.stride))


@register("reorg")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reorg(ReorgSpec):
    """[reorg], in the order that YOLOv2's weights were trained with."""

    def out_shape(self, *inputs: Shape) -> Shape:
        enough = self.reverse or inputs[0].channels >= self.stride**2
        check_key("stride", enough, f"needs at least {self.stride**2} channels, has {inputs[0].channels}")
        return ReorgSpec.out_shape(self, *inputs)

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return ReorgLayer(self.stride, reverse=self.reverse, by_input=True)


@register("reorg3d")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reorg3d(ReorgSpec):
    """[reorg3d], in which neighbouring cells stay together."""

    def out_shape(self, *inputs: Shape) -> Shape:
        divides = not self.reverse or inputs[0].channels % self.stride**4 == 0
        check_key("reverse", divides, f"{inputs[0].channels} channels do not divide by {self.stride**4}")
        return ReorgSpec.out_shape(self, *inputs)

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return ReorgLayer(self.stride, reverse=self.reverse, by_input=False)


class CentreCrop(nn.Module):
    """Crop of the centre, (B, C, H, W) -> (B, C, height, width); `adjust` maps 0..1 to -1..1."""

    def __init__(self, height: int, width: int, *, adjust: bool) -> None:
        super().__init__()
        self.height = height
        self.width = width
        self.adjust = adjust

    def forward(self, x: Tensor) -> Tensor:
        top, left = (x.shape[2] - self.height) // 2, (x.shape[3] - self.width) // 2
        x = x[:, :, top : top + self.height, left : left + self.width]
        return x * 2 - 1 if self.adjust else x


@register("crop")
@dataclass(frozen=True, slots=True, kw_only=True)
class Crop(LayerSpec):
    """Keys of [crop], always of the centre; the other keys are ignored, as augmentation is not a layer's task here."""

    crop_height: int = 1
    crop_width: int = 1
    noadjust: bool = False
    flip: bool = False
    angle: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    shift: float = 0.0

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_key("crop_height", 1 <= self.crop_height <= x.height, f"use 1..{x.height}, the height of the input")
        check_key("crop_width", 1 <= self.crop_width <= x.width, f"use 1..{x.width}, the width of the input")
        return Shape(x.channels, self.crop_height, self.crop_width)

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return CentreCrop(self.crop_height, self.crop_width, adjust=not self.noadjust)
