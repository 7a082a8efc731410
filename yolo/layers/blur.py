"""Antialiasing: a fixed blur after a layer, which takes over the layer's stride.

Source: AlexeyAB/darknet src/convolutional_layer.c make_convolutional_layer (59596d78).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yolo.darknet.cfg_keys import check_key
from yolo.layers.layer_spec import Shape

# Value of the key `antialiasing` -> (one row of the separable kernel, padding on each side).
KERNELS = {1: ((1.0, 2.0, 1.0), 1), 2: ((1.0, 1.0), 0)}


def blur_shape(x: Shape, antialiasing: int, strides: tuple[int, int]) -> Shape:
    """Return the shape of a map of shape `x` after the blur; `strides` are vertical, horizontal."""
    row, padding = KERNELS[antialiasing]
    height, width = (
        (side + 2 * padding - len(row)) // stride + 1 for side, stride in zip((x.height, x.width), strides, strict=True)
    )
    check_key("antialiasing", height >= 1 and width >= 1, f"the {x.width} x {x.height} map is too small for its blur")
    return Shape(x.channels, height, width)


class Blur(nn.Module):
    """Depthwise blur with a stride, (B, C, H, W) -> (B, C, H', W')."""

    def __init__(self, channels: int, antialiasing: int, strides: tuple[int, int]) -> None:
        super().__init__()
        row, self.padding = KERNELS[antialiasing]
        self.strides = strides
        kernel = torch.tensor(row)[:, None] * torch.tensor(row) / sum(row) ** 2
        self.register_buffer("kernel", kernel.expand(channels, 1, -1, -1).clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel, stride=self.strides, padding=self.padding, groups=x.shape[1])  # type: ignore[arg-type]
