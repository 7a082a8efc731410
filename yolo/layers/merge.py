"""[route] concatenates earlier layers; [shortcut] adds earlier layers to the previous one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yolo.darknet.cfg_keys import check_key
from yolo.layers.activations import build_activation
from yolo.layers.layer_spec import LayerSpec, Shape, absolute_index, register

WeightsType = Literal["none", "per_feature", "per_layer", "per_channel"]
WeightsNormalization = Literal["none", "relu", "avg_relu", "softmax"]


class RouteLayer(nn.Module):
    """Concatenation of one slice of each input, (B, C_i, H, W) -> (B, sum(C_i) / groups, H, W)."""

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
    """Keys of [route]; `groups` cuts each input into equal slices, of which `group_id` is taken."""

    combines_inputs: ClassVar[bool] = True

    layers: tuple[int, ...]
    groups: int = 1
    group_id: int = 0
    stream: int = -1
    wait_stream: int = -1

    def __post_init__(self) -> None:
        check_key("layers", len(self.layers) >= 1, "name at least one layer")
        check_key("groups", self.groups >= 1, "must be 1 or more")
        check_key("group_id", 0 <= self.group_id < self.groups, f"use 0..{self.groups - 1} (groups={self.groups})")

    def sources(self, index: int) -> tuple[int, ...]:
        return tuple(absolute_index(index, layer, "layers") for layer in self.layers)

    def out_shape(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        for x in inputs:
            same = (x.height, x.width) == (first.height, first.width)
            check_key("layers", same, f"the maps differ in size ({', '.join(map(str, inputs))}); they must be equal")
            check_key("groups", x.channels % self.groups == 0, f"{x.channels} channels do not divide by it")
        return first._replace(channels=sum(x.channels for x in inputs) // self.groups)

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return RouteLayer(self.groups, self.group_id)


class ShortcutLayer(nn.Module):
    """Sum of the first input and the others, over the channels that they have in common.

    Args:
        activation: applied to the sum.
        strides: one per other input, which is subsampled by it before it is added.
        num_weights: weights per input, 1 or one per channel; 0 for a plain sum.
        normalization: how the weights of the inputs are normalised to sum to 1.
    """

    def __init__(
        self, activation: nn.Module, strides: tuple[int, ...], num_weights: int, normalization: WeightsNormalization
    ) -> None:
        super().__init__()
        self.activation = activation
        self.strides = strides
        self.normalization = normalization
        self.weight = nn.Parameter(torch.ones((len(strides) + 1) * num_weights)) if num_weights else None

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        factors = self.factors()
        if factors is not None:
            x = x * factors[0]
        for position, (other, stride) in enumerate(zip(others, self.strides, strict=True), start=1):
            sampled = other[:, : x.shape[1], ::stride, ::stride] if stride > 1 else other[:, : x.shape[1]]
            x = add_channels(x, sampled if factors is None else sampled * factors[position][:, : sampled.shape[1]])
        y: Tensor = self.activation(x)
        return y

    def factors(self) -> Tensor | None:
        """Return the normalised weights, (inputs, 1, 1 or C, 1, 1); None for a plain sum."""
        if self.weight is None:
            return None
        weight = self.weight.view(len(self.strides) + 1, 1, -1, 1, 1)
        positive = (weight - weight.amax(0)).exp() if self.normalization == "softmax" else F.relu(weight)
        return positive / (1e-4 + positive.sum(0))


def add_channels(x: Tensor, other: Tensor) -> Tensor:
    """Return `x` plus `other`, which may have fewer channels."""
    common = other.shape[1]
    if common == x.shape[1]:
        return x + other
    return torch.cat([x[:, :common] + other, x[:, common:]], dim=1)


@register("shortcut")
@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut(LayerSpec):
    """Keys of [shortcut]; the output has the shape of the layer before.

    A map that is larger by a whole factor is subsampled, as in the first Darknet (resnet50.cfg); the present one
    rejects such a file.
    """

    combines_inputs: ClassVar[bool] = True

    from_: tuple[int, ...]
    activation: str = "linear"
    weights_type: WeightsType = "none"
    weights_normalization: WeightsNormalization = "none"

    def __post_init__(self) -> None:
        check_key("from", len(self.from_) >= 1, "name at least one layer")
        normalized = self.weights_type == "none" or self.weights_normalization != "none"
        check_key("weights_type", normalized, "needs weights_normalization=relu or softmax")

    def sources(self, index: int) -> tuple[int, ...]:
        return (index - 1, *(absolute_index(index, layer, "from") for layer in self.from_))

    def out_shape(self, *inputs: Shape) -> Shape:
        x, *others = inputs
        for other in others:
            stride = shortcut_stride(x, other)
            same = -(-other.height // stride) == x.height and -(-other.width // stride) == x.width
            check_key("from", same, f"a map of {other} cannot be added to one of {x}; width and height must be equal")
        return x

    def build(self, *inputs: Shape) -> nn.Module:
        x, *others = inputs
        num_weights = {"none": 0, "per_channel": x.channels}.get(self.weights_type, 1)
        strides = tuple(shortcut_stride(x, other) for other in others)
        return ShortcutLayer(build_activation(self.activation), strides, num_weights, self.weights_normalization)

    def weights(self, module: nn.Module) -> list[Tensor]:
        assert isinstance(module, ShortcutLayer)
        return [] if module.weight is None else [module.weight]

    def flops(self, out: Shape, *inputs: Shape) -> int:
        return (len(inputs) - 1) * out.numel * (1 if self.weights_type == "none" else 2)


def shortcut_stride(x: Shape, other: Shape) -> int:
    """Return the stride at which `other` is subsampled to the size of `x`."""
    return max(1, round(other.width / x.width))
