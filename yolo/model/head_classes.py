"""The weights of trained heads for more classes, or for the same classes in another order.

Every class has its own output channels, and so its own rows in the weights of the layer before a head: rows are moved,
and those of new classes are added. Axes: G anchors of a head (cells of [detection]), C its classes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from yolo.errors import CfgError
from yolo.layers import HeadSpec
from yolo.layers.conv import Convolutional
from yolo.layers.dense import Connected

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolo.layers.head_spec import ClassActivation
    from yolo.model.graph import Graph, Node

PRIOR = 0.01  # probability of a new class; source: arXiv:1708.02002, section 4.1
PRIOR_LOGIT = math.log(PRIOR / (1 - PRIOR))


def with_head_classes(
    tensors: Mapping[str, Tensor], graph: Graph, changed: Graph, sources: Sequence[int | None]
) -> dict[str, Tensor]:
    """Return the tensors of a network for other classes.

    The values of boxes, objectness and classes that have a source stay the same, bit for bit. A new class has the
    probability `PRIOR` everywhere. Where a head has a softmax, the logit of a new class is the mean of the old ones
    plus `PRIOR_LOGIT`, which lowers the old probabilities by at most 1 %.

    Args:
        tensors: the state dict of the network.
        graph: the network.
        changed: the same network with `len(sources)` classes.
        sources: for each class of `changed`, the class of `graph` whose values it takes; None: it is new.

    Raises:
        CfgError: the layer before a head is not a plain convolution or connected layer.
    """
    result = dict(tensors)
    for node, changed_node in zip(graph.heads, changed.heads, strict=True):
        head, changed_head = node.spec, changed_node.spec
        assert isinstance(head, HeadSpec)
        assert isinstance(changed_head, HeadSpec)
        _check_layer_before(graph.nodes[node.index - 1])
        for name in [name for name in tensors if name.startswith(f"layers.{node.index - 1}.")]:
            rows = tensors[name]
            moved = rows.new_empty(changed_node.in_shapes[0].channels, *rows.shape[1:])
            moved[_other_channels(changed_head, len(moved))] = rows[_other_channels(head, len(rows))]
            old_rows = rows[head.class_channels()]  # (G, C, ...)
            for channels, source in zip(changed_head.class_channels().T, sources, strict=True):
                is_bias = name.endswith(".bias")
                moved[channels] = (
                    _new_rows(old_rows, head.class_activation, is_bias=is_bias)
                    if source is None
                    else old_rows[:, source]
                )
            result[name] = moved
    return result


def _new_rows(old_rows: Tensor, activation: ClassActivation, *, is_bias: bool) -> Tensor:
    """Return the rows (G, ...) of a new class, given those of the old ones (G, C, ...)."""
    mean = old_rows.mean(dim=1)
    if activation == "softmax":
        return mean + PRIOR_LOGIT if is_bias else mean
    prior = PRIOR_LOGIT if activation == "logistic" else PRIOR
    return torch.full_like(mean, prior if is_bias else 0.0)


def _other_channels(head: HeadSpec, num_channels: int) -> Tensor:
    """Return the input channels of a head that are not class values."""
    is_other = torch.ones(num_channels, dtype=torch.bool)
    is_other[head.class_channels()] = False
    return is_other.nonzero()[:, 0]


def _check_layer_before(node: Node) -> None:
    spec = node.spec
    is_plain = isinstance(spec, Convolutional) and not spec.normalizes and spec.num_groups == 1
    if not (is_plain or (isinstance(spec, Connected) and not spec.batch_normalize)):
        raise CfgError(
            f"{node.section.where()}: [{node.section.name}] before a detection head: the classes can be changed only "
            "of a [convolutional] or [connected] layer without batch_normalize and groups"
        )
