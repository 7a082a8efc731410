"""[batchnorm] and [normalization], and how every layer normalises a batch.

Darknet divides by sqrt(variance + 1e-5), as PyTorch does. In training its CPU code divides a batch's squared
deviations by N - 1 both for normalising and for the statistics; PyTorch normalises with N and keeps N - 1, and that
is what happens here. Of the old statistics Darknet keeps 0.9 a batch on a CPU and 0.99 on a GPU, 0.95 in connected
layers; here 0.9, and 0.95.
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
    """Batch normalisation of maps."""
    return nn.BatchNorm2d(channels, EPS, MOMENTUM)


def build_norm_1d(channels: int) -> nn.BatchNorm1d:
    """Batch normalisation of vectors."""
    return nn.BatchNorm1d(channels, EPS, CONNECTED_MOMENTUM)


def norm_tensors(bn: _BatchNorm | None, bias: Tensor | None) -> list[Tensor]:
    """Biases, then scales, means and variances where the layer normalises: Darknet's order."""
    if bn is None:
        assert bias is not None
        return [bias]
    return [bn.bias, *scale_tensors(bn)]


def scale_tensors(bn: _BatchNorm) -> list[Tensor]:
    """Scales, means, variances: what `dontloadscales` leaves out."""
    assert bn.running_mean is not None
    assert bn.running_var is not None
    return [bn.weight, bn.running_mean, bn.running_var]


def without_scales(module: nn.Module, tensors: list[Tensor]) -> list[Tensor]:
    """Those of a layer's tensors that `dontloadscales` does not leave out."""
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
    left_out = {id(tensor) for norm in norms for tensor in scale_tensors(norm)}
    return [tensor for tensor in tensors if id(tensor) not in left_out]


@register("batchnorm")
@dataclass(frozen=True, slots=True, kw_only=True)
class Batchnorm(LayerSpec):
    """[batchnorm]: batch normalisation by itself."""

    def out_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape) -> nn.Module:
        return build_norm_2d(inputs[0].channels)

    def weights(self, module: nn.Module) -> list[Tensor]:
        assert isinstance(module, _BatchNorm)
        return norm_tensors(module, None)


class LocalResponseNorm(nn.Module):
    """x * (kappa + alpha * sum of squares over neighbouring channels) ** -beta.

    Darknet slides its window from a first one that is one channel short, so that channel size / 2 never enters and is
    still taken off on leaving: its square is missing from every sum.
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
