"""[batchnorm] and [normalization], and the batch normalisation that other layers contain.

Darknet divides by sqrt(variance + 1e-5), as PyTorch does. In training, its CPU code divides a batch's squared
deviations by N - 1 both to normalise and for the running variance; PyTorch, and so this module, normalises with N.
Per batch Darknet keeps 0.9 of the running statistics on a CPU, 0.99 on a GPU, and 0.95 in connected layers; here 0.9,
and 0.95 in connected layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from yolo.darknet.cfg_keys import check_key
from yolo.layers.layer_spec import LayerSpec, Shape, register

EPS = 1e-5
MOMENTUM = 0.1
CONNECTED_MOMENTUM = 0.05


def build_norm_2d(channels: int) -> nn.BatchNorm2d:
    """Build batch normalisation for maps."""
    return nn.BatchNorm2d(channels, EPS, MOMENTUM)


def build_norm_1d(channels: int) -> nn.BatchNorm1d:
    """Build batch normalisation for vectors."""
    return nn.BatchNorm1d(channels, EPS, CONNECTED_MOMENTUM)


def bias_or_norm_tensors(bn: _BatchNorm | None, bias: Tensor | None) -> list[Tensor]:
    """Return the biases, then scales, means and variances if the layer normalises: Darknet's order."""
    if bn is None:
        assert bias is not None
        return [bias]
    return [bn.bias, *scale_tensors(bn)]


def scale_tensors(bn: _BatchNorm) -> list[Tensor]:
    """Return scales, means and variances, the tensors that `dontloadscales` skips."""
    assert bn.running_mean is not None
    assert bn.running_var is not None
    return [bn.weight, bn.running_mean, bn.running_var]


def without_scales(module: nn.Module, tensors: list[Tensor]) -> list[Tensor]:
    """Return the layer's tensors without those that `dontloadscales` skips."""
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
    skipped = {id(tensor) for norm in norms for tensor in scale_tensors(norm)}
    return [tensor for tensor in tensors if id(tensor) not in skipped]


@register("batchnorm")
@dataclass(frozen=True, slots=True, kw_only=True)
class Batchnorm(LayerSpec):
    """[batchnorm]: batch normalisation as a layer of its own."""

    def out_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape) -> nn.Module:
        return build_norm_2d(inputs[0].channels)

    def weights(self, module: nn.Module) -> list[Tensor]:
        assert isinstance(module, _BatchNorm)
        return bias_or_norm_tensors(module, None)


class LocalResponseNorm(nn.Module):
    """x * (kappa + alpha * sum of squares over neighbouring channels) ** -beta.

    Darknet's sliding window starts one channel short: channel size / 2 is never added but still subtracted, so its
    square is missing from every sum. This is reproduced.
    """

    def __init__(self, *, size: int, alpha: float, beta: float, kappa: float) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.kappa = kappa

    def forward(self, x: Tensor) -> Tensor:
        squares = x.square()
        before, after = (self.size - 1) // 2, self.size // 2
        padded = F.pad(squares, (0, 0, 0, 0, before, after))
        sums = torch.stack([padded[:, k : k + x.shape[1]] for k in range(self.size)]).sum(0)
        if after < x.shape[1]:
            sums = sums - squares[:, after : after + 1]
        return x * (self.kappa + self.alpha * sums) ** -self.beta


@register("normalization", "lrn")
@dataclass(frozen=True, slots=True, kw_only=True)
class Normalization(LayerSpec):
    """Keys of [normalization]: local response normalisation."""

    alpha: float = 0.0001
    beta: float = 0.75
    kappa: float = 1.0
    size: int = 5

    def __post_init__(self) -> None:
        check_key("size", self.size >= 1, "must be 1 or more")

    def out_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return LocalResponseNorm(size=self.size, alpha=self.alpha, beta=self.beta, kappa=self.kappa)
