"""Fusing: batch normalisation folded into the convolutions and connected layers before it.

In eval mode normalisation is y = (x - mean) * scale + bias with constants, which can be folded into the weights and the
bias of the linear layer that computes x.
"""

from __future__ import annotations

import copy
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from yolo.layers.binary import BinaryConv2d
from yolo.layers.conv import ConvLayer
from yolo.layers.dense import ConnectedLayer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolo.model.graph import Node
    from yolo.model.network import Darknet

_NORM_KEYS = ("batch_normalize", "cbn")
_OVERWRITING = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardtanh,
)  # activations that can work in place


def fuse(model: Darknet) -> Darknet:
    """Return a copy for inference whose convolutions and connected layers contain their batch normalisation.

    Its outputs equal those of the model in eval mode except for rounding. Its cfg says `batch_normalize=0`, so that its
    `.weights` file matches its cfg. Its activations work in place. Unchanged are layers with binary weights, which have
    no scale per channel; every layer before one that takes the signs of its input, which rounding could flip; and
    separate [batchnorm] layers.

    Returns:
        The copy, in eval mode, on the model's device and in its dtype, without gradients.
    """
    fused = copy.deepcopy(model).eval().requires_grad_(False)
    fused.gradient_checkpointing_disable()
    start = _first_after_signs(fused)
    folded = [node for node in fused.nodes[start:] if _can_fold(fused.layers[node.index])]
    for node in folded:
        for layer in _normalizing(fused.layers[node.index]):
            _fold(layer)
    _activate_in_place(fused)
    _update_graph(fused, folded)
    _share_again(fused, {node.index for node in folded})
    return fused


def _first_after_signs(model: Darknet) -> int:
    """Return the first layer that no later layer with binary inputs depends on."""
    signs = (
        index + 1
        for index, layer in enumerate(model.layers)
        if any(isinstance(part, BinaryConv2d) and part.binary_input for part in layer.modules())
    )
    return max(signs, default=0)


def _normalizing(layer: nn.Module) -> Iterator[ConvLayer | ConnectedLayer]:
    """Yield the modules of a layer, itself included, that normalise."""
    for part in layer.modules():
        if isinstance(part, (ConvLayer, ConnectedLayer)) and part.bn is not None:
            yield part


def _can_fold(layer: nn.Module) -> bool:
    parts = list(_normalizing(layer))
    return bool(parts) and not any(isinstance(part, BinaryConv2d) for part in layer.modules())


def _fold(layer: ConvLayer | ConnectedLayer) -> None:
    linear = layer.conv if isinstance(layer, ConvLayer) else layer.linear
    bn = layer.bn
    assert bn is not None
    assert bn.running_mean is not None
    assert bn.running_var is not None
    scale = bn.weight.double() / torch.sqrt(bn.running_var.double() + bn.eps)
    weight = linear.weight.double() * scale.view(-1, *[1] * (linear.weight.dim() - 1))
    bias = bn.bias.double() - bn.running_mean.double() * scale
    # A new parameter, not new values: a layer that shares the old one still has to read it.
    linear.weight = nn.Parameter(weight.to(linear.weight.dtype), requires_grad=False)
    linear.bias = nn.Parameter(bias.to(linear.weight.dtype), requires_grad=False)
    layer.bn = None


def _activate_in_place(model: Darknet) -> None:
    """Let activations overwrite the output of their convolution, which nothing else reads; this is faster."""
    for layer in model.modules():
        if isinstance(layer, ConvLayer) and isinstance(layer.activation, _OVERWRITING):
            layer.activation.inplace = True


def _update_graph(model: Darknet, folded: list[Node]) -> None:
    """Note in the cfg and specs of the model that these layers do not normalise."""
    keys = {
        node.index: [f.name for f in fields(node.spec) if f.name in _NORM_KEYS and getattr(node.spec, f.name)]
        for node in folded
    }
    cfg = model.cfg.edited({(index, key): "0" for index, names in keys.items() for key in names})
    nodes = tuple(
        replace(
            node,
            section=cfg.layers[node.index],
            spec=replace(node.spec, **dict.fromkeys(keys.get(node.index, ()), False)),
        )
        for node in model.nodes
    )
    model.graph = replace(model.graph, cfg=cfg, nodes=nodes)


def _share_again(model: Darknet, folded: set[int]) -> None:
    """Let layers that shared their parameters do so again."""
    for node in model.nodes:
        shared_from = node.spec.shared_from(node.index)
        if shared_from in folded and node.index in folded:
            node.spec.share_parameters(model.layers[node.index], model.layers[shared_from])
