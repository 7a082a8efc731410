"""[route] joins channels of earlier layers; [shortcut] adds earlier layers to the previous one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from yolo.darknet.keys import check
from yolo.layers.activations import build_activation
from yolo.layers.base import LayerSpec, Shape, absolute, register


class RouteLayer(nn.Module):
    """Concatenates one slice of each input: (B, C_i, H, W) -> (B, sum(C_i) / groups, H, W)."""

    def __init__(self, groups: int, group_id: int) -> None:
        super().__init__()
        self.groups = groups
        self.group_id = group_id

    def forward(self, *inputs: Tensor) -> Tensor:
        if self.groups > 1:
            inputs = tuple(x.chunk(self.groups, dim=1)[self.group_id] for x in inputs)
        return torch.cat(inputs, dim=1) if len(inputs) > 1 else inputs[0]


@register("route")
@dataclass(frozen=True, slots=True, kw_only=True)
class Route(LayerSpec):
    """Keys of [route]; with groups, the group_id-th of equal slices of each input."""

    layers: tuple[int, ...]
    groups: int = 1
    group_id: int = 0

    def __post_init__(self) -> None:
        check("layers", len(self.layers) >= 1, "name at least one layer")
        check("groups", self.groups >= 1, "must be 1 or more")
        check("group_id", 0 <= self.group_id < self.groups, f"use 0..{self.groups - 1} (groups={self.groups})")

    def sources(self, index: int) -> tuple[int, ...]:
        return tuple(absolute(index, layer, "layers") for layer in self.layers)

    def out_shape(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        for x in inputs:
            same = (x.height, x.width) == (first.height, first.width)
            check("layers", same, f"the maps differ in size ({', '.join(map(str, inputs))}); they must be equal")
            check("groups", x.channels % self.groups == 0, f"{x.channels} channels do not divide by it")
        return first._replace(channels=sum(x.channels for x in inputs) // self.groups)

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return RouteLayer(self.groups, self.group_id)


class ShortcutLayer(nn.Module):
    """Adds to the first input the channels that it shares with each of the others."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            x = add_shared_channels(x, other)
        y: Tensor = self.activation(x)
        return y


def add_shared_channels(x: Tensor, other: Tensor) -> Tensor:
    """`x` plus `other` over their first min(C) channels; the shape stays that of `x`."""
    common = min(x.shape[1], other.shape[1])
    if common == x.shape[1]:
        return x + other[:, :common]
    return torch.cat([x[:, :common] + other, x[:, common:]], dim=1)


@register("shortcut")
@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut(LayerSpec):
    """Keys of [shortcut]; the output has the shape of the layer before."""

    from_: tuple[int, ...]
    activation: str = "linear"

    def __post_init__(self) -> None:
        check("from", len(self.from_) >= 1, "name at least one layer")

    def sources(self, index: int) -> tuple[int, ...]:
        return (index - 1, *(absolute(index, layer, "from") for layer in self.from_))

    def out_shape(self, *inputs: Shape) -> Shape:
        x, *others = inputs
        for other in others:
            same = (other.height, other.width) == (x.height, x.width)
            check("from", same, f"a map of {other} cannot be added to one of {x}; width and height must be equal")
        return x

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return ShortcutLayer(build_activation(self.activation))

    def flops(self, out: Shape, *inputs: Shape) -> int:
        return (len(inputs) - 1) * out.numel
