"""A network file as a graph of layers with shapes, planned before any tensor exists.

`plan` reads a cfg once; strides, anchors, input sizes and the network itself are functions of the `Graph` it returns.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.cfg_keys import BadValueError, read_keys, unknown_keys
from yolo.darknet.net_section import NetSection
from yolo.errors import CfgError
from yolo.layers import HeadSpec, LayerSpec, Shape, spec_from_section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolo.darknet.cfg_file import Section

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Node:
    """One planned layer: its spec, its sources and all shapes."""

    index: int
    section: Section
    spec: LayerSpec
    sources: tuple[int, ...]  # layer numbers; -1 is the network's input
    in_shapes: tuple[Shape, ...]
    out_shape: Shape


@dataclass(frozen=True, slots=True)
class Graph:
    """A planned network."""

    cfg: CfgFile
    net: NetSection
    nodes: tuple[Node, ...]

    @property
    def heads(self) -> tuple[Node, ...]:
        """The detection heads, in file order."""
        return tuple(node for node in self.nodes if isinstance(node.spec, HeadSpec))

    @property
    def num_classes(self) -> int:
        """Number of classes that the heads predict; 0 without a head."""
        return max((node.spec.classes for node in self.nodes if isinstance(node.spec, HeadSpec)), default=0)

    @property
    def results(self) -> tuple[int, ...]:
        """Numbers of the layers whose outputs leave the network: the heads, else the last layer that has an output."""
        if self.heads:
            return tuple(node.index for node in self.heads)
        outputs = [node.index for node in self.nodes if node.spec.can_be_output]
        return (outputs[-1] if outputs else len(self.nodes) - 1,)

    def edited(self, changes: Mapping[tuple[int, str], str]) -> Graph:
        """Return the graph of the cfg with some keys changed; only the changed sections are read again.

        Args:
            changes: (layer number, key) -> value, as `CfgFile.edited` takes them.

        Raises:
            CfgError: the changed cfg does not describe a network.
        """
        cfg = self.cfg.edited(changes)
        changed = {index for index, _ in changes}
        specs = [
            spec_from_section(cfg.layers[node.index]) if node.index in changed else node.spec for node in self.nodes
        ]
        return _connect(cfg, self.net, specs)


def plan(cfg: CfgFile) -> Graph:
    """Read the layers of a cfg and infer their inputs and shapes.

    Unknown keys are warned about, with file and line, and ignored.

    Raises:
        CfgError: a section, key, reference or shape that does not fit, with file and line.
    """
    net = read_keys(NetSection, cfg.net)
    specs = [spec_from_section(section) for section in cfg.layers]
    for record, section in [(NetSection, cfg.net), *zip(map(type, specs), cfg.layers, strict=True)]:
        for line in unknown_keys(record, section):
            found = f"{section.path}:{line.number}: '{line.key}={line.value}'"
            logger.warning("%s: unknown key in [%s]; ignored", found, section.name)
    return _connect(cfg, net, specs)


def read_graph(path_or_name: str | Path) -> Graph:
    """Plan a cfg file, or a shipped one by name (`yolov3-tiny`).

    Raises:
        CfgError: no such file, or it does not describe a network.
    """
    return plan(CfgFile.read(path_or_name))


def with_classes(graph: Graph, num_classes: int) -> Graph:
    """Return the same network for another number of classes: `classes` of each head, `filters` of the layer before it.

    Raises:
        CfgError: the cfg has no detection head, or a head that does not follow a convolution.
    """
    changes: dict[tuple[int, str], str] = {}
    for node in graph.heads:
        assert isinstance(node.spec, HeadSpec)
        before = graph.cfg.layers[node.index - 1]
        key = next((key for key in ("filters", "output") if before.find(key)), None)
        if key is None:
            raise CfgError(f"{before.where()}: [{before.name}] before a detection head has no 'filters' to set")
        changes[node.index, "classes"] = str(num_classes)
        changes[node.index - 1, key] = str(node.spec.num_channels(num_classes))
    if not changes:
        raise CfgError(f"{graph.cfg.path}: no detection head ([yolo]) whose classes could be set to {num_classes}")
    return graph.edited(changes)


def _connect(cfg: CfgFile, net: NetSection, specs: Sequence[LayerSpec]) -> Graph:
    """Infer the sources and shapes of all layers."""
    shapes = {-1: Shape(*net.input_shape)}
    nodes = []
    for index, (section, spec) in enumerate(zip(cfg.layers, specs, strict=True)):
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
    return Graph(cfg, net, tuple(replace(node, spec=node.spec.resolve(consumers[node.index])) for node in nodes))
