"""[connected], [local] and [softmax]. Vectors are maps of one cell: (B, N, 1, 1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yolo.darknet.cfg_keys import check_key
from yolo.layers.activations import build_activation
from yolo.layers.class_tree import ClassTree, read_tree
from yolo.layers.layer_spec import LayerSpec, Shape, register, window_shape
from yolo.layers.norm import bias_or_norm_tensors, build_norm_1d, scale_tensors


class ConnectedLayer(nn.Module):
    """Fully connected layer, (B, C, H, W) -> (B, outputs, 1, 1)."""

    def __init__(self, inputs: int, outputs: int, activation: nn.Module, *, normalize: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=not normalize)
        self.bn = build_norm_1d(outputs) if normalize else None
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x.flatten(1))
        if self.bn is not None:
            x = self.bn(x)
        y: Tensor = self.activation(x[:, :, None, None])
        return y

    def stored_tensors(self) -> list[Tensor]:
        """Return the tensors in `.weights` order: biases, weights, then scales, means, variances if it normalises."""
        scales = [] if self.bn is None else scale_tensors(self.bn)
        return [bias_or_norm_tensors(self.bn, self.linear.bias)[0], self.linear.weight, *scales]


@register("connected", "conn")
@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(LayerSpec):
    """Keys of [connected]."""

    output: int = 1
    activation: str = "logistic"
    batch_normalize: bool = False

    def __post_init__(self) -> None:
        check_key("output", self.output >= 1, "must be 1 or more")

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(self.output, 1, 1)

    def kernel_and_stride(self, *inputs: Shape) -> tuple[int, float]:
        return inputs[0].width, float(inputs[0].width)

    def build(self, *inputs: Shape) -> nn.Module:
        activation = build_activation(self.activation)
        return ConnectedLayer(inputs[0].numel, self.output, activation, normalize=self.batch_normalize)

    def weights(self, module: nn.Module) -> list[Tensor]:
        assert isinstance(module, ConnectedLayer)
        return module.stored_tensors()


class LocalLayer(nn.Module):
    """Convolution with separate filters for every output cell. Axes: L output cells, K values of a window."""

    def __init__(self, x: Shape, out: Shape, spec: Local) -> None:
        super().__init__()
        cells, window = out.height * out.width, x.channels * spec.size**2
        self.spec = spec
        self.out = out
        self.weight = nn.Parameter(torch.randn(cells, out.channels, window) * (2 / window) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(out.numel))
        self.activation = build_activation(spec.activation)

    def forward(self, x: Tensor) -> Tensor:
        windows_BKL = F.unfold(x, self.spec.size, padding=int(self.spec.pad), stride=self.spec.stride)
        sums = torch.einsum("bkl,lnk->bnl", windows_BKL, self.weight)
        y: Tensor = self.activation((sums.flatten(1) + self.bias).view(-1, *self.out))
        return y


@register("local")
@dataclass(frozen=True, slots=True, kw_only=True)
class Local(LayerSpec):
    """Keys of [local]; `pad` adds one cell on each side."""

    filters: int = 1
    size: int = 1
    stride: int = 1
    pad: bool = False
    activation: str = "logistic"

    def __post_init__(self) -> None:
        for key in ("filters", "size", "stride"):
            check_key(key, getattr(self, key) >= 1, "must be 1 or more")

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        out = window_shape(x, self.filters, self.size, (self.stride, self.stride), 2 * int(self.pad))
        # With padding, Darknet counts the windows as if the size were 3.
        darknet_size = tuple((side - (1 if self.pad else self.size)) // self.stride + 1 for side in (x.height, x.width))
        check_key("pad", darknet_size == (out.height, out.width), "works with size=3 only")
        return out

    def kernel_and_stride(self, *inputs: Shape) -> tuple[int, float]:
        del inputs
        return self.size, float(self.stride)

    def build(self, *inputs: Shape) -> nn.Module:
        return LocalLayer(inputs[0], self.out_shape(*inputs), self)

    def weights(self, module: nn.Module) -> list[Tensor]:
        assert isinstance(module, LocalLayer)
        return [module.bias, module.weight]


class SoftmaxLayer(nn.Module):
    """Softmax over each of `groups` equal slices of the values, or over each group of siblings; keeps the shape."""

    def __init__(self, groups: int, temperature: float, tree: ClassTree | None) -> None:
        super().__init__()
        self.groups = groups
        self.temperature = temperature
        self.tree = tree

    def forward(self, x: Tensor) -> Tensor:
        logits = x.reshape(x.shape[0], self.groups, -1) / self.temperature
        y = logits.softmax(-1) if self.tree is None else self.tree.softmax(logits)
        return y.view(x.shape)


@register("softmax", "soft")
@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(LayerSpec):
    """Keys of [softmax]; `spatial` is ignored, as in Darknet's CPU code."""

    groups: int = 1
    temperature: float = 1.0
    tree: Path | None = None
    spatial: float = 0.0
    noloss: bool = False

    def __post_init__(self) -> None:
        check_key("groups", self.groups >= 1, "must be 1 or more")
        check_key("temperature", self.temperature > 0, "must be above 0")

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_key("groups", x.numel % self.groups == 0, f"{x.numel} inputs do not divide by it")
        if self.tree is not None:
            classes = len(read_tree(self.tree).parents)
            check_key("tree", x.numel == classes * self.groups, f"has {classes} classes, the layer {x.numel} inputs")
        return x

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return SoftmaxLayer(self.groups, self.temperature, None if self.tree is None else read_tree(self.tree))
