"""Reproduce three defects of the C Darknet that occur only when it trains on a CPU.

The package does not have them; they are reproduced here so that everything else can be compared with Darknet's numbers:
batches are normalized by the deviation with N - 1, with a gradient that does not belong to it; the biases of normalized
convolutions never learn; and a convolution overwrites the gradient of the layer before it, so that the gradients from
shortcuts and routes that read that layer are lost.

Axes: B images, C channels, N values a channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from yolo.layers import HeadSpec
from yolo.layers.conv import ConvLayer

if TYPE_CHECKING:
    from yolo.model.network import Darknet


class CpuBatchNorm(nn.BatchNorm2d):
    """Batch normalization in training as Darknet's CPU code computes it.

    Args:
        norm: the module whose parameters and statistics are shared.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var

    def forward(self, x: Tensor) -> Tensor:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        with torch.no_grad():
            variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance, self.momentum)
        normal: Tensor = _Normalize.apply(x, mean, variance, self.eps)
        return normal * self.weight[:, None, None] + self.bias.detach()[:, None, None]


class _Normalize(torch.autograd.Function):
    """(x - mean) / sqrt(variance + eps), with Darknet's gradient.

    Source: AlexeyAB/darknet src/batchnorm_layer.c mean_delta_cpu, variance_delta_cpu, normalize_delta_cpu (59596d78).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, mean: Tensor, variance: Tensor, eps: float) -> Tensor:
        ctx.save_for_backward(x, mean, variance)
        ctx.eps = eps
        return (x - mean[:, None, None]) / (variance + eps).sqrt()[:, None, None]

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None, None]:
        (grad,) = grads
        x, mean, variance = ctx.saved_tensors
        count = x.numel() // x.shape[1]
        centered = x - mean[:, None, None]
        by_mean = -grad.sum((0, 2, 3)) / (variance + ctx.eps).sqrt()
        by_variance = -0.5 * (grad * centered).sum((0, 2, 3)) * (variance + ctx.eps) ** -1.5
        direct = grad / (variance.sqrt() + ctx.eps)[:, None, None]
        through = by_variance[:, None, None] * 2 * centered + by_mean[:, None, None]
        return direct + through / count, None, None, None


def use_cpu_norms(model: Darknet) -> None:
    """Replace the batch normalization of all convolutions by `CpuBatchNorm`."""
    for layer in model.layers:
        if isinstance(layer, ConvLayer) and layer.bn is not None:
            layer.bn = CpuBatchNorm(layer.bn)


def cpu_forward(model: Darknet, images: Tensor) -> list[Tensor]:
    """Run `Darknet.forward`, but let a layer that a convolution follows get its gradient only from that convolution."""
    outputs, results = {-1: images}, []
    for node, layer in zip(model.nodes, model.layers, strict=True):
        inputs = [
            outputs[source].detach()
            if source + 1 != node.index and isinstance(model.layers[source + 1], ConvLayer)
            else outputs[source]
            for source in node.sources
        ]
        outputs[node.index] = layer(*inputs)
        if isinstance(node.spec, HeadSpec):
            results.append(outputs[node.index])
    return results
