"""The anchors of a network's heads, and the same network with other anchors.

Axes: A anchors of all heads. Sizes are (width, height) in pixels of the network input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from yolo.errors import CfgError
from yolo.layers.head_spec import AnchorHeadSpec
from yolo.layers.region import Region

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.model.graph import Graph

DECIMALS = 6  # of a written side


@dataclass(frozen=True, slots=True)
class AnchorHead:
    """A detection head that has anchors."""

    index: int  # layer number
    spec: AnchorHeadSpec | Region
    stride: tuple[float, float]  # pixels per cell, along x and y

    @property
    def anchors_wh(self) -> tuple[tuple[float, float], ...]:
        """The anchors that this head predicts with, pixels."""
        if isinstance(self.spec, AnchorHeadSpec):
            return self.spec.anchors_wh
        values = self.spec.anchors
        return tuple((values[2 * i] * self.stride[0], values[2 * i + 1] * self.stride[1]) for i in range(self.spec.num))


def anchor_heads(graph: Graph) -> list[AnchorHead]:
    """Return the heads with anchors, the smallest stride (for the smallest boxes) first.

    Raises:
        CfgError: there is none.
    """
    net = graph.net
    heads = [
        AnchorHead(node.index, node.spec, (net.width / node.out_shape.width, net.height / node.out_shape.height))
        for node in graph.nodes
        if isinstance(node.spec, AnchorHeadSpec | Region)
    ]
    if not heads:
        raise CfgError(
            f"{graph.cfg.path}: no head with anchors ([yolo], [Gaussian_yolo], [region]); use another network"
        )
    return sorted(heads, key=lambda head: head.stride)


def head_anchors(graph: Graph) -> npt.NDArray[np.float64]:
    """Return (A, 2): the anchors of all heads without repetitions, the smallest area first."""
    anchors = np.unique([pair for head in anchor_heads(graph) for pair in head.anchors_wh], axis=0)
    return np.asarray(anchors[np.argsort(anchors.prod(axis=1), kind="stable")])


def num_anchors(graph: Graph) -> int:
    """Return the number of anchors of all heads, repetitions included."""
    return sum(len(head.anchors_wh) for head in anchor_heads(graph))


def with_anchors(graph: Graph, anchors_wh: npt.NDArray[np.float64]) -> Graph:
    """Return the same network with other anchors; the smallest go to the head of the smallest stride.

    Every anchor belongs to one head. If there are as many anchors as before, each head keeps its number; else the heads
    share them equally, and `filters` of the layers before them change.

    Args:
        graph: the network; the comments of its cfg are kept.
        anchors_wh: (A, 2), at least one per head.

    Raises:
        CfgError: a head whose number of anchors changes does not follow a convolution.
    """
    heads = anchor_heads(graph)
    order = anchors_wh[np.argsort(anchors_wh.prod(axis=1), kind="stable")]
    total = len(order)
    counts = [len(head.anchors_wh) for head in heads]
    if sum(counts) != total:
        counts = [len(part) for part in np.array_split(np.arange(total), len(heads))]
    changes: dict[tuple[int, str], str] = {}
    first = 0
    for head, count in zip(heads, counts, strict=True):
        mask = tuple(range(first, first + count))
        first += count
        spec: AnchorHeadSpec | Region
        if isinstance(head.spec, Region):
            written = order[list(mask)] / head.stride
            spec = replace(head.spec, num=count, anchors=tuple(written.ravel().tolist()))
        else:
            written = order
            spec = replace(head.spec, num=total, mask=mask, anchors=tuple(written.ravel().tolist()))
            changes[head.index, "mask"] = ",".join(map(str, mask))
        changes[head.index, "num"] = str(spec.num)
        changes[head.index, "anchors"] = ", ".join(f"{_number(w)},{_number(h)}" for w, h in written.tolist())
        if count != len(head.anchors_wh):
            before = graph.cfg.layers[head.index - 1]
            if not before.find("filters"):
                raise CfgError(f"{before.where()}: [{before.name}] before a detection head has no 'filters' to set")
            changes[head.index - 1, "filters"] = str(spec.num_channels(spec.classes))
    return graph.edited(changes)


def _number(side: float) -> str:
    return f"{side:.{DECIMALS}f}".rstrip("0").rstrip(".")
