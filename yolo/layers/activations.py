"""Activation functions by their cfg names, and [activation], a layer of its own.

To add one, add a line to `ACTIVATIONS`: its cfg name, and how to build its module.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yolo.layers.layer_spec import LayerSpec, Shape, register

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


class Function(nn.Module):
    """A module that applies a function to its input (B, C, H, W)."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def hard_mish(x: Tensor) -> Tensor:
    """Return x above 0, x * x / 2 + x in -2..0, else 0."""
    return torch.where(x > 0, x, torch.where(x > -2, x * x / 2 + x, torch.zeros_like(x)))


def normalize_channels(x: Tensor) -> Tensor:
    """ReLU, divided by its sum over the channels of a cell."""
    positive = F.relu(x)
    return positive / (1e-4 + positive.sum(dim=1, keepdim=True))


def normalize_channels_softmax(x: Tensor) -> Tensor:
    """Softmax over the channels of a cell, with 1e-4 added to the divisor."""
    exponential = x.exp()
    return exponential / (1e-4 + exponential.sum(dim=1, keepdim=True))


def normalize_channels_softmax_maxval(x: Tensor) -> Tensor:
    """`normalize_channels_softmax` after subtracting the largest channel."""
    return normalize_channels_softmax(x - x.amax(dim=1, keepdim=True))


def gelu(x: Tensor) -> Tensor:
    """GELU in its tanh form, with Darknet's constants."""
    return 0.5 * x * (1 + torch.tanh(0.797885 * x + 0.035677 * x**3))


def selu(x: Tensor) -> Tensor:
    """SELU with Darknet's constants of five digits."""
    return 1.0507 * torch.where(x > 0, x, 1.6732 * torch.expm1(x))


def loggy(x: Tensor) -> Tensor:
    """Sigmoid stretched to -1..1."""
    return 2 * torch.sigmoid(x) - 1


def ramp(x: Tensor) -> Tensor:
    """ReLU plus a tenth of the input."""
    return F.relu(x) + 0.1 * x


def plse(x: Tensor) -> Tensor:
    """Piecewise linear sigmoid."""
    return torch.where(x < -4, 0.01 * (x + 4), torch.where(x > 4, 0.01 * (x - 4) + 1, 0.125 * x + 0.5))


def stair(x: Tensor) -> Tensor:
    """Flat in every even unit interval, rising by 1 in every odd one."""
    floor = x.floor()
    return torch.where(floor % 2 == 0, (x / 2).floor(), (x - floor) + (x / 2).floor())


def lhtan(x: Tensor) -> Tensor:
    """Identity on 0..1, nearly flat outside."""
    return torch.where(x < 0, 0.001 * x, torch.where(x > 1, 0.001 * (x - 1) + 1, x))


# Source: AlexeyAB/darknet src/activations.h (59596d78).
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "logistic": nn.Sigmoid,
    "loggy": lambda: Function(loggy),
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "elu": nn.ELU,
    "selu": lambda: Function(selu),
    "gelu": lambda: Function(gelu),
    "relie": lambda: nn.LeakyReLU(0.01),
    "plse": lambda: Function(plse),
    "hardtan": nn.Hardtanh,
    "lhtan": lambda: Function(lhtan),
    "ramp": lambda: Function(ramp),
    "leaky": lambda: nn.LeakyReLU(0.1),
    "revleaky": lambda: nn.LeakyReLU(0.1),
    "tanh": nn.Tanh,
    "stair": lambda: Function(stair),
    "swish": nn.SiLU,
    "mish": nn.Mish,
    "hard_mish": lambda: Function(hard_mish),
    "normalize_channels": lambda: Function(normalize_channels),
    "normalize_channels_softmax": lambda: Function(normalize_channels_softmax),
    "normalize_channels_softmax_maxval": lambda: Function(normalize_channels_softmax_maxval),
}


def build_activation(name: str) -> nn.Module:
    """Build the activation of a cfg name; an unknown one is relu with a warning, as in Darknet."""
    if name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        logger.warning("activation=%s is unknown; relu is used, as Darknet does; known: %s", name, known)
        return nn.ReLU()
    return ACTIVATIONS[name]()


@register("activation")
@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(LayerSpec):
    """Keys of [activation], an activation as a layer of its own."""

    activation: str = "linear"

    def out_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return build_activation(self.activation)
