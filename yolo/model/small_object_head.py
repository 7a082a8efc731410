"""One more detection head at stride 4, for objects of a few pixels.

The new layers stand at the end of the network file, so that all others keep their numbers and load the same weights as
before. They are of section types that Darknet itself has.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from yolo.darknet.cfg_file import CfgFile
from yolo.errors import CfgError
from yolo.layers.conv import Convolutional
from yolo.layers.head_spec import AnchorHeadSpec
from yolo.model.graph import plan
from yolo.model.head_anchors import anchor_heads

if TYPE_CHECKING:
    from yolo.darknet.cfg_file import Section
    from yolo.model.graph import Graph, Node

STRIDE = 4  # of the new head, pixels per cell
MIN_FILTERS = 32


def with_small_object_head(graph: Graph) -> Graph:
    """Return the network with one more head at stride 4, a copy of its finest one, with the same anchors.

    The features of the finest head are enlarged by two until stride 4, and joined each time with the last map of the
    backbone at that stride. Source: the neck of YOLOv3, arXiv:1804.02767.

    Raises:
        CfgError: the finest head is at stride 4 already, or is none that can be copied.
    """
    finest = anchor_heads(graph)[0]
    node, before = graph.nodes[finest.index], graph.nodes[finest.index - 1]
    where = f"{node.section.where()}: [{node.section.name}]"
    if not isinstance(node.spec, AnchorHeadSpec) or not isinstance(before.spec, Convolutional):
        raise CfgError(f"{where}: only [yolo] and [Gaussian_yolo] heads after a [convolutional] can be added to")
    num_steps = math.log2(finest.stride[0] / STRIDE)
    if finest.stride[0] != finest.stride[1] or num_steps < 1 or num_steps % 1:
        raise CfgError(
            f"{where}: is at stride {finest.stride[0]:g}; a head at stride {STRIDE} needs one at 8, 16 or 32"
        )
    source = before.sources[0]
    filters, activation = graph.nodes[source].out_shape.channels, _activation(graph, source)
    parts = []
    for step in range(1, int(num_steps) + 1):
        stride = round(finest.stride[0] / 2**step)
        width = max(MIN_FILTERS, filters // 2**step)
        skip = _last_map(graph, stride, node)
        parts += [
            f"# up to stride {stride}",
            f"[route]\nlayers={source}",
            _convolution(width, 1, activation),
            "[upsample]\nstride=2",
            f"[route]\nlayers=-1,{skip}",
            _convolution(width, 3, activation),
        ]
        source = -1
    parts += [f"# head: stride {STRIDE}", _copy(before.section), _copy(node.section)]
    text = graph.cfg.text.rstrip("\n") + "\n\n" + "\n\n".join(parts) + "\n"
    return plan(CfgFile.parse(text, graph.cfg.path))


def _last_map(graph: Graph, stride: int, head: Node) -> int:
    """Return the number of the last layer of the backbone at a stride: the source of the first at twice that stride."""
    for node in graph.nodes:
        if graph.net.width / node.out_shape.width == 2 * stride:
            return node.sources[0]
    raise CfgError(f"{head.section.where()}: no layer at stride {stride} before a coarser one; use another network")


def _activation(graph: Graph, index: int) -> str:
    """Return the activation of a layer, or of the last convolution before it."""
    specs = (graph.nodes[i].spec for i in range(index, -1, -1))
    return next((spec.activation for spec in specs if isinstance(spec, Convolutional)), "leaky")


def _convolution(filters: int, size: int, activation: str) -> str:
    return (
        f"[convolutional]\nbatch_normalize=1\nfilters={filters}\nsize={size}\nstride=1\npad=1\nactivation={activation}"
    )


def _copy(section: Section) -> str:
    return "\n".join([f"[{section.name}]", *(f"{line.key}={line.value}" for line in section.lines)])
