"""A network in numbers: a row per layer, and the totals."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from yolo.darknet.cfg_file import CfgLine, Section
from yolo.darknet.cfg_keys import unknown_keys
from yolo.darknet.net_section import NetSection
from yolo.darknet.weights_file import WeightsHeader
from yolo.layers import Shape
from yolo.model.network import Darknet

if TYPE_CHECKING:
    from torch import nn

    from yolo.darknet.cfg_file import CfgFile
    from yolo.model.graph import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer in numbers."""

    index: int
    type: str  # section name
    filters: int | None
    size: int | None
    stride: int | None
    sources: tuple[int, ...]  # layer numbers; -1 is the image
    output: Shape
    values: int  # numbers in the .weights file
    flops: int  # for one image, as Darknet counts them
    macs: int  # multiply-accumulates of PyTorch's convolutions and matrix products, for one image
    field: int  # receptive field along x, px; may exceed the image
    jump: float  # px from one output cell to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRow:
    """A detection head in numbers."""

    index: int
    type: str
    stride: float  # px per cell
    classes: int
    anchors: tuple[tuple[float, float], ...]  # (width, height), in the cfg's unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A network in numbers."""

    cfg: str
    input: Shape
    layers: tuple[LayerRow, ...]
    heads: tuple[HeadRow, ...]
    trainable: int  # number of trainable values
    unread: tuple[str, ...]  # keys that no layer reads, each with file and line

    @property
    def values(self) -> int:
        return sum(row.values for row in self.layers)

    def totals(self) -> dict[str, int]:
        """Return sums over the layers, and the size of the `.weights` file."""
        return {
            "layers": len(self.layers),
            "values": self.values,
            "trainable": self.trainable,
            "weights_bytes": len(WeightsHeader().to_bytes()) + 4 * self.values,
            "flops": sum(row.flops for row in self.layers),
            "macs": sum(row.macs for row in self.layers),
        }

    def as_json(self) -> dict[str, Any]:
        """Return everything in plain types; shapes are [channels, height, width]."""
        return {**dataclasses.asdict(self), "totals": self.totals()}


def summarize(cfg: CfgFile, img_size: int | None = None) -> Summary:
    """Summarize a network without allocating its tensors.

    Args:
        cfg: the network file.
        img_size: side of the input in pixels; default: the cfg's width and height.

    Raises:
        CfgError: the file does not describe a network, or not one of this size.
    """
    if img_size is not None:
        cfg = dataclasses.replace(cfg, net=_with_size(cfg.net, img_size))
    with torch.device("meta"):
        model = Darknet.from_cfg(cfg).eval()
    rows: list[LayerRow] = []
    for node, layer in zip(model.nodes, model.layers, strict=True):
        rows.append(_layer_row(node, layer, rows))
    return Summary(
        cfg=cfg.path,
        input=Shape(model.net.channels, model.net.height, model.net.width),
        layers=tuple(rows),
        heads=tuple(_head_row(node, model.net) for node in model.heads),
        trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
        unread=_unread(model),
    )


def _with_size(net: Section, img_size: int) -> Section:
    others = tuple(line for line in net.lines if line.key not in ("width", "height"))
    size = tuple(CfgLine(key, str(img_size), net.number) for key in ("width", "height"))
    return dataclasses.replace(net, lines=(*size, *others))


def _layer_row(node: Node, layer: nn.Module, before: list[LayerRow]) -> LayerRow:
    keys = dataclasses.asdict(node.spec)
    extent, step = node.spec.kernel_and_stride(*node.in_shapes)
    fields = [before[source].field if source >= 0 else 1 for source in node.sources]
    jumps = [before[source].jump if source >= 0 else 1.0 for source in node.sources]
    jump = min(jumps, default=1.0)  # the finest of joined maps: a pooled gate does not coarsen the map that it scales
    return LayerRow(
        index=node.index,
        type=node.section.name,
        filters=keys.get("filters"),
        size=keys.get("size"),
        stride=keys.get("stride"),
        sources=node.sources,
        output=node.out_shape,
        values=sum(tensor.numel() for tensor in node.spec.weights(layer)),
        flops=node.spec.flops(node.out_shape, *node.in_shapes),
        macs=_macs(layer, node.in_shapes),
        field=math.ceil(max(fields, default=1) + (extent - 1) * jump),
        jump=jump * step,
    )


def _macs(layer: nn.Module, in_shapes: tuple[Shape, ...]) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        layer(*(torch.empty(1, *shape, device="meta") for shape in in_shapes))
    return int(counter.get_total_flops()) // 2


def _head_row(node: Node, net: NetSection) -> HeadRow:
    keys = dataclasses.asdict(node.spec)
    numbers = keys.get("anchors") or ()
    anchors = list(zip(numbers[::2], numbers[1::2], strict=False))
    mask = range(len(anchors)) if keys.get("mask") is None else keys["mask"]
    return HeadRow(
        index=node.index,
        type=node.section.name,
        stride=net.width / node.out_shape.width,
        classes=keys["classes"],
        anchors=tuple(anchors[i] for i in mask),
    )


def _unread(model: Darknet) -> tuple[str, ...]:
    sections = [(NetSection, model.cfg.net), *((type(node.spec), node.section) for node in model.nodes)]
    return tuple(
        f"{section.path}:{line.number}: {line.key}={line.value} in [{section.name}]"
        for record, section in sections
        for line in unknown_keys(record, section)
    )
