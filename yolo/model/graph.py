"""A network file's sections as a graph with shapes, before any tensor exists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yolo.darknet.keys import BadValueError
from yolo.layers import LayerSpec, Shape, spec_from_section

if TYPE_CHECKING:
    from yolo.darknet.cfg_file import CfgFile, Section
    from yolo.darknet.net import Net


@dataclass(frozen=True, slots=True)
class Node:
    """One planned layer: its record, where its inputs come from, and all shapes."""

    index: int
    section: Section
    spec: LayerSpec
    sources: tuple[int, ...]  # layer numbers; -1 is the network's input
    in_shapes: tuple[Shape, ...]
    out_shape: Shape


def plan(cfg: CfgFile, net: Net) -> tuple[Node, ...]:
    """Work out every layer's inputs and shapes, before any tensor exists.

    Raises:
        CfgError: a section, key, reference or shape that does not fit, with file and line.
    """
    shapes = {-1: Shape(*net.input_shape)}
    nodes = []
    for index, section in enumerate(cfg.layers):
        spec = spec_from_section(section)
        try:
            sources = spec.sources(index)
            in_shapes = tuple(shapes[source] for source in sources)
            out_shape = spec.out_shape(*in_shapes)
        except BadValueError as error:
            raise error.in_section(section) from None
        shapes[index] = out_shape
        nodes.append(Node(index, section, spec, sources, in_shapes, out_shape))
    consumers: dict[int, list[LayerSpec]] = {node.index: [] for node in nodes}
    for node in nodes:
        for source in node.sources:
            consumers.setdefault(source, []).append(node.spec)
    return tuple(replace(node, spec=node.spec.resolve(consumers[node.index])) for node in nodes)
