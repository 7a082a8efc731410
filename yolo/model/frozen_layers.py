"""The layers that `--freeze` and `--freeze-layers` mean, found from the graph and its shapes."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from yolo.errors import SettingsError
from yolo.layers import HeadSpec
from yolo.layers.merge import Shortcut
from yolo.layers.pool import Maxpool

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from yolo.model.graph import Node
    from yolo.model.network import Darknet


def frozen_layers(model: Darknet, freeze: str, all_but_outputs: bool) -> Collection[int]:
    """Return the numbers of the layers to freeze, as Darknet counts them.

    Args:
        model: the network.
        freeze: `N` for layers 0..N-1, `a-b` for layers a to b, `backbone`, or nothing.
        all_but_outputs: freeze every layer except those that feed the heads.

    Raises:
        SettingsError: no such layers, or none left to train.
    """
    if all_but_outputs:
        feeding = {source for head in model.heads for source in head.sources}
        return tuple(node.index for node in model.nodes if node.index not in feeding)
    if not freeze:
        return ()
    count = len(model.nodes)
    allowed = f"a number of layers 1..{count - 1}, a range 'a-b' of layers within 0..{count - 1}, or 'backbone'"
    if freeze == "backbone":
        chosen = range(backbone_end(model.nodes) + 1)
    elif match := re.fullmatch(r"(\d+)(?:-(\d+))?", freeze):
        first, last = (0, int(match[1]) - 1) if match[2] is None else (int(match[1]), int(match[2]))
        chosen = range(first, last + 1)
        if not 0 <= first <= last < count:
            raise SettingsError(f"--freeze {freeze}: {model.cfg.path} has layers 0..{count - 1}; use {allowed}")
    else:
        raise SettingsError(f"--freeze {freeze}: use {allowed}")
    left = [p for node in model.nodes if node.index not in chosen for p in model.layers[node.index].parameters()]
    if not left:
        raise SettingsError(f"--freeze {freeze}: nothing is left to train; use {allowed}")
    return chosen


def backbone_end(nodes: Sequence[Node]) -> int:
    """Return the number of the last layer of the backbone.

    The trunk is everything before the first upsampling layer or head. Candidates are its layers that every path runs
    through, at its coarsest scale, from the last addition of a shortcut on. The backbone ends at the last candidate
    before the channels decrease (except right after a concatenation, which ends a block), or before a parallel pooling
    at the same scale (spatial pyramid pooling): there the neck begins.
    """
    trunk = _trunk(nodes)
    coarsest = min(_cells(node) for node in trunk if _cells(node) > 1)
    cuts = [node for node in _single_path(trunk) if _cells(node) == coarsest]
    if not cuts:
        return trunk[-1].index
    additions = [node.index for node in trunk if isinstance(node.spec, Shortcut) and _cells(node) == coarsest]
    if additions:
        cuts = [node for node in cuts if node.index >= additions[-1]] or cuts[-1:]
    for before, after in itertools.pairwise(cuts):
        between = nodes[before.index + 1 : after.index]
        pyramid = any(isinstance(node.spec, Maxpool) and _cells(node) == coarsest for node in between)
        narrows = after.out_shape.channels < before.out_shape.channels and not _concatenates(before)
        if pyramid or narrows:
            return before.index
    return cuts[-1].index


def _cells(node: Node) -> int:
    return node.out_shape.height * node.out_shape.width


def _trunk(nodes: Sequence[Node]) -> Sequence[Node]:
    """Return the layers before the first upsampling layer or head."""
    for node in nodes:
        if isinstance(node.spec, HeadSpec) or _cells(node) > max(x.height * x.width for x in node.in_shapes):
            return nodes[: node.index]
    return nodes


def _single_path(trunk: Sequence[Node]) -> list[Node]:
    """Return the layers that every path from the input to the last layer of the trunk runs through."""
    through: dict[int, frozenset[int]] = {-1: frozenset()}
    for node in trunk:
        common = frozenset.intersection(*(through[source] for source in node.sources))
        through[node.index] = common | {node.index}
    return [trunk[index] for index in sorted(through[trunk[-1].index])]


def _concatenates(node: Node) -> bool:
    return node.out_shape.channels > max(x.channels for x in node.in_shapes) and len(node.sources) > 1


def format_trained(model: Darknet, frozen: Collection[int], groups: Sequence[dict[str, Any]], epochs: str) -> str:
    """Return a line with the numbers of layers, and of values of each optimizer group, that are trained in some epochs.

    Args:
        model: the network.
        frozen: numbers of the layers that do not train.
        groups: of the optimizer, over the model's parameters.
        epochs: the range of epochs, as text.
    """
    frozen_ids = {id(parameter) for index in frozen for parameter in model.layers[index].parameters()}
    counts = {
        group["name"]: (
            sum(p.numel() for p in group["params"] if id(p) not in frozen_ids),
            sum(p.numel() for p in group["params"]),
        )
        for group in groups
    }
    layers = [node.index for node in model.nodes if any(True for _ in model.layers[node.index].parameters())]
    trained = [index for index in layers if index not in frozen]
    rows = [("layers", len(trained), len(layers)), *((name, *pair) for name, pair in counts.items())]
    return f"trained in epochs {epochs}: " + ", ".join(f"{name} {some:,} of {total:,}" for name, some, total in rows)
