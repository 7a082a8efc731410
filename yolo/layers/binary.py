"""Convolutions with binary weights, and optionally binary inputs (XNOR-Net, arXiv:1603.05279).

Training uses the straight-through estimator: the gradient of a sign is that of the identity.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def sign(x: Tensor) -> Tensor:
    """Return 1 where the input is above 0, else -1, with the gradient of the identity."""
    return torch.where(x > 0, 1.0, -1.0).to(x.dtype) + (x - x.detach())


class BinaryConv2d(nn.Conv2d):
    """Convolution whose weights are signs times the filter's mean magnitude.

    Batch normalisation may follow unchanged: Darknet folds it into the weights before it takes signs, which gives the
    same sums.

    Args:
        *args: as `nn.Conv2d`.
        binary_input: reduce the input to its signs; padding is then -1, as in Darknet's inference (its training pads
            with 0; here both pad with -1).
        **kwargs: as `nn.Conv2d`.

    Source: AlexeyAB/darknet src/network.c calculate_binary_weights, src/convolutional_layer.c (59596d78).
    """

    def __init__(self, *args: Any, binary_input: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.binary_input = binary_input

    def forward(self, x: Tensor) -> Tensor:
        weight = sign(self.weight) * self.weight.abs().mean(dim=(1, 2, 3), keepdim=True)
        if not self.binary_input:
            return F.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        vertical, horizontal = (int(side) for side in self.padding)
        x = F.pad(sign(x), (horizontal, horizontal, vertical, vertical), value=-1.0)
        return F.conv2d(x, weight, self.bias, self.stride, 0, self.dilation, self.groups)
