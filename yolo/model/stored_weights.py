"""The tensors of a network's layers in the order of a `.weights` file, and reading them from one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from yolo.errors import WeightsError
from yolo.finite_weights import describe_non_finite
from yolo.layers.norm import without_scales

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor, nn

    from yolo.darknet.weights_file import WeightsFile
    from yolo.model.graph import Graph


def stored_tensors(graph: Graph, layers: Iterable[nn.Module]) -> list[list[Tensor]]:
    """Return each layer's tensors in `.weights` order."""
    return [node.spec.weights(layer) for node, layer in zip(graph.nodes, layers, strict=True)]


def read_into(layers: Iterable[nn.Module], graph: Graph, file: WeightsFile) -> tuple[int, int]:
    """Copy the values of a file into the leading layers that it covers.

    Args:
        layers: the modules of the graph's nodes, filled in place.
        graph: the network that the file was written for.
        file: its values.

    Returns:
        The number of covered layers, and of values.

    Raises:
        WeightsError: the file ends inside a layer, holds more than the network stores, or has values that are not
            finite. The layers are unchanged.
    """
    tensors = _read_tensors(graph, layers)
    num_layers = _num_covered_layers(graph, tensors, file)
    _check_finite(tensors[:num_layers], file)
    start = 0
    with torch.no_grad():
        for tensor in (t for layer in tensors[:num_layers] for t in layer):
            values = torch.from_numpy(file.values[start : start + tensor.numel()].copy())
            if file.header.transposed and tensor.dim() == 2:
                values = values.view(tensor.shape[1], tensor.shape[0]).T
            tensor.copy_(values.view(tensor.shape))
            start += tensor.numel()
    return num_layers, start


def _check_finite(tensors: Sequence[Sequence[Tensor]], file: WeightsFile) -> None:
    """Raise a `WeightsError` that names the layers whose values in a file are not finite."""
    ends = np.cumsum([sum(tensor.numel() for tensor in layer) for layer in tensors])
    parts = np.split(file.values[: int(ends[-1])], ends[:-1]) if len(ends) else []
    bad = describe_non_finite((f"layers.{index}", torch.from_numpy(part)) for index, part in enumerate(parts))
    if bad:
        raise WeightsError(f"{file.path}: {bad}: the file is damaged, or its training failed; use another one")


def _read_tensors(graph: Graph, layers: Iterable[nn.Module]) -> list[list[Tensor]]:
    """Each layer's tensors that a file fills: all stored ones except for `dontload` and `dontloadscales`."""
    return [
        [] if node.spec.dontload else without_scales(layer, tensors) if node.spec.dontloadscales else tensors
        for node, layer, tensors in zip(graph.nodes, layers, stored_tensors(graph, layers), strict=True)
    ]


def _num_covered_layers(graph: Graph, tensors: Sequence[Sequence[Tensor]], file: WeightsFile) -> int:
    """The number of leading layers that the values of a file fill exactly."""
    left = len(file.values)
    for index, layer in enumerate(tensors):
        needed = sum(tensor.numel() for tensor in layer)
        if needed and left == 0:
            return index
        if needed > left:
            raise WeightsError(
                f"{file.path}: layer {index} of {graph.cfg.path} needs {needed:,} values, {left:,} are left: "
                "the file is cut short or belongs to another cfg"
            )
        left -= needed
    if left:
        stored = sum(tensor.numel() for layer in tensors for tensor in layer)
        raise WeightsError(
            f"{file.path}: {left:,} values are left over after the {stored:,} of {graph.cfg.path}: "
            "the file belongs to another cfg"
        )
    return len(graph.nodes)
