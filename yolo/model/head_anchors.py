"""The anchors of a network file: where its heads state them, and the file with others.

Axes: A anchors of all heads. Shapes are (width, height), pixels of the network input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from yolo.darknet.keys import read_keys
from yolo.darknet.net import Net
from yolo.errors import CfgError
from yolo.layers.head import AnchorHeadSpec
from yolo.layers.region import Region
from yolo.model.graph import plan

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.darknet.cfg_file import CfgFile

DIGITS = 6  # behind the point of a written side


@dataclass(frozen=True, slots=True)
class AnchorHead:
    """A head of a network file that has anchors."""

    index: int  # layer number
    spec: AnchorHeadSpec | Region
    stride: tuple[float, float]  # pixels a cell, along x and y

    @property
    def anchors_wh(self) -> tuple[tuple[float, float], ...]:
        """Those that it answers with, pixels."""
        if isinstance(self.spec, AnchorHeadSpec):
            return self.spec.anchors_wh
        values = self.spec.anchors
        return tuple((values[2 * i] * self.stride[0], values[2 * i + 1] * self.stride[1]) for i in range(self.spec.num))


def anchor_heads(cfg: CfgFile) -> list[AnchorHead]:
    """The heads with anchors, the smallest stride (for the smallest boxes) first.

    Raises:
        CfgError: there is none.
    """
    net = read_keys(Net, cfg.net)
    heads = [
        AnchorHead(node.index, node.spec, (net.width / node.out_shape.width, net.height / node.out_shape.height))
        for node in plan(cfg, net)
        if isinstance(node.spec, AnchorHeadSpec | Region)
    ]
    if not heads:
        raise CfgError(f"{cfg.path}: no head with anchors ([yolo], [Gaussian_yolo], [region]); use another network")
    return sorted(heads, key=lambda head: head.stride)


def anchors_of(cfg: CfgFile) -> npt.NDArray[np.float64]:
    """(A, 2): the anchors that some head answers with, each once, the smallest area first."""
    anchors = np.unique([pair for head in anchor_heads(cfg) for pair in head.anchors_wh], axis=0)
    return np.asarray(anchors[np.argsort(anchors.prod(axis=1), kind="stable")])


def num_slots(cfg: CfgFile) -> int:
    """Anchors that the heads have room for."""
    return sum(len(head.anchors_wh) for head in anchor_heads(cfg))


def with_anchors(cfg: CfgFile, anchors_wh: npt.NDArray[np.float64]) -> CfgFile:
    """The same network with other anchors: the smallest go to the head of the smallest stride.

    Every anchor belongs to one head. A head keeps its number of anchors if there are as many as before; else all
    heads get alike, and `filters` of the layers before them change.

    Args:
        cfg: the network file; its comments are kept.
        anchors_wh: (A, 2), at least one a head.

    Raises:
        CfgError: a head whose number of anchors changes does not follow a convolution.
    """
    heads = anchor_heads(cfg)
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
            own = order[list(mask)] / head.stride
            spec = replace(head.spec, num=count, anchors=tuple(own.ravel().tolist()))
        else:
            own = order
            spec = replace(head.spec, num=total, mask=mask, anchors=tuple(own.ravel().tolist()))
            changes[head.index, "mask"] = ",".join(map(str, mask))
        changes[head.index, "num"] = str(spec.num)
        changes[head.index, "anchors"] = ", ".join(f"{_number(w)},{_number(h)}" for w, h in own.tolist())
        if count != len(head.anchors_wh):
            before = cfg.layers[head.index - 1]
            if not before.find("filters"):
                raise CfgError(f"{before.where()}: [{before.name}] before a detection head has no 'filters' to set")
            changes[head.index - 1, "filters"] = str(spec.num_channels(spec.classes))
    return cfg.edited(changes)


def _number(side: float) -> str:
    return f"{side:.{DIGITS}f}".rstrip("0").rstrip(".")
