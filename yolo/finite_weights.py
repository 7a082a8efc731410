"""Find weights that are NaN or infinite: a network with them detects nothing, without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

MAX_NAMED = 3  # layers in a message


def describe_non_finite(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """Return how many values are not finite, and their layers; empty if all are.

    Args:
        tensors: names and values, as `layers.3.0.weight`; integers are always finite.
    """
    counts: dict[str, int] = {}
    for name, tensor in tensors:
        if tensor.is_floating_point() and (bad := int((~tensor.isfinite()).sum())):
            parts = name.split(".")
            layer = f"layer {parts[1]}" if parts[0] == "layers" else name
            counts[layer] = counts.get(layer, 0) + bad
    if not counts:
        return ""
    named = ", ".join(list(counts)[:MAX_NAMED])
    others = f" and {len(counts) - MAX_NAMED} more" if len(counts) > MAX_NAMED else ""
    return f"{sum(counts.values()):,} values of {named}{others} are NaN or infinite"
