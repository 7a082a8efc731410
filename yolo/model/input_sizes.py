"""Sizes of the network input that a network can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.darknet.cfg_file import NET
from yolo.errors import CfgError, SettingsError
from yolo.layers import HeadSpec
from yolo.model.graph import plan

if TYPE_CHECKING:
    from yolo.model.graph import Graph


def input_size(graph: Graph, img_size: int | None, *, any_multiple: bool) -> int:
    """Return the side of the network input: `img_size`, else the width of the cfg.

    Args:
        graph: the planned network.
        img_size: the value of --img-size.
        any_multiple: the network must take inputs of other multiples of its stride, too.

    Raises:
        SettingsError: the layers do not fit together at this side, or `any_multiple`, and it is not a multiple of the
            stride.
    """
    size = img_size or graph.net.width
    stride = largest_stride(graph) if any_multiple else 1
    if size % stride:
        below = size // stride * stride
        raise SettingsError(
            f"--img-size {size}: with --rect or --multi-scale it must be a multiple of {stride}, the stride of "
            f"{graph.cfg.path}; use {below or stride} or {below + stride}"
        )
    if img_size is not None:
        _check_geometry(graph, img_size)
    return size


def _check_geometry(graph: Graph, size: int) -> None:
    """Raise a `SettingsError` if the maps of the network do not fit together for an input of this side."""
    try:
        plan(graph.cfg.edited({(NET, key): str(size) for key in ("width", "height")}))
    except CfgError as error:
        stride = largest_stride(graph)
        below = max(1, size // stride) * stride
        raise SettingsError(
            f"--img-size {size}: does not suit {graph.cfg.path} ({error}); use a multiple of {stride}, its stride, as "
            f"{below} or {below + stride}"
        ) from error


def largest_stride(graph: Graph) -> int:
    """Return the stride of the coarsest map with a head or an upsampling; input sides are multiples of it."""
    strides = {-1: 1.0}
    coarsest = 1.0
    for node in graph.nodes:
        in_stride = min((strides[source] for source in node.sources), default=1.0)
        factor = node.spec.kernel_and_stride(*node.in_shapes)[1]
        strides[node.index] = in_stride * factor
        if isinstance(node.spec, HeadSpec) or factor < 1:
            coarsest = max(coarsest, in_stride)
    return round(coarsest)
