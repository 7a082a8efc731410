"""Sizes of the network input that a network can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.errors import SettingsError
from yolo.layers import HeadSpec

if TYPE_CHECKING:
    from yolo.model.graph import Graph


def input_size(graph: Graph, img_size: int | None, *, any_multiple: bool) -> int:
    """Side of the network input: the flag's, else the cfg's width.

    Args:
        graph: the planned network.
        img_size: the flag.
        any_multiple: whether inputs of other multiples of the network's stride must pass too.

    Raises:
        SettingsError: they must, and the side is no multiple of it.
    """
    size = img_size or graph.net.width
    stride = largest_stride(graph) if any_multiple else 1
    if size % stride:
        below = size // stride * stride
        raise SettingsError(
            f"--img-size {size}: with --rect or --multi-scale it must be a multiple of {stride}, the stride of "
            f"{graph.cfg.path}; use {below or stride} or {below + stride}"
        )
    return size


def largest_stride(graph: Graph) -> int:
    """Pixels a cell of the coarsest map that is detected on or enlarged: sides of inputs are multiples of it."""
    jumps = {-1: 1.0}
    coarsest = 1.0
    for node in graph.nodes:
        arriving = min((jumps[source] for source in node.sources), default=1.0)
        step = node.spec.kernel_and_stride(*node.in_shapes)[1]
        jumps[node.index] = arriving * step
        if isinstance(node.spec, HeadSpec) or step < 1:
            coarsest = max(coarsest, arriving)
    return round(coarsest)
