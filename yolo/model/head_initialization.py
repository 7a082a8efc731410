"""Initial values of the convolutions before [yolo] heads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor, nn

from yolo.layers import Yolo
from yolo.layers.conv import ConvLayer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolo.model.network import Darknet

CERTAIN = 15.0  # its logistic is 1 - 3e-7


def initialize_head_biases(model: Darknet) -> None:
    """Set the biases before each [yolo] head so that an untrained network expects few objects and any class.

    Source: the recipe of the 2018-2020 PyTorch YOLOv3 trainers ("smart bias").
    """
    for head, _, bias_all in _heads_with_convolutions(model):
        bias = bias_all.view(len(head.anchors_wh), 5 + head.classes)
        bias[:, 4] = -4.5
        bias[:, 5:] = math.log(0.6 / (head.classes - 0.99))


def fix_single_class_score(model: Darknet) -> None:
    """Fix the class score of a network of one class at 1, so that its scores are its objectness, here and in Darknet.

    The loss of one class has no class term: nothing else would hold these weights.
    """
    for head, *tensors in _heads_with_convolutions(model):
        for tensor, value in zip(tensors, (0.0, CERTAIN), strict=True):
            tensor.view(len(head.anchors_wh), 5 + head.classes, -1)[:, 5:] = value


def _heads_with_convolutions(model: Darknet) -> Iterator[tuple[Yolo, Tensor, Tensor]]:
    """Yield each [yolo] head with weight and bias of the convolution before it."""
    for node in model.heads:
        before = model.layers[node.index - 1]
        if isinstance(node.spec, Yolo) and isinstance(before, ConvLayer) and isinstance(before.conv.bias, nn.Parameter):
            yield node.spec, before.conv.weight.detach(), before.conv.bias.detach()
