"""Rename the state dict keys of the 2018-2021 PyTorch trainers of Darknet networks.

Their `module_list.N` holds `Conv2d`, `BatchNorm2d` and `activation` of the N-th section after [net]; `layers.N` here is
the same section.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

OLD_NAME = re.compile(r"(?:module\.)?module_list\.(\d+)\.(\w+)(?:\.(\w+))?")  # module.: saved while distributed
PARTS = {"Conv2d": "conv", "BatchNorm2d": "bn"}

Value = TypeVar("Value")


def rename_old_keys(state: Mapping[str, Value]) -> dict[str, Value]:
    """Return a state dict with old keys renamed; without any old key it is returned unchanged.

    Other tensors of old trainers (slopes of activations, weights of sums) have no counterpart and are dropped.
    """
    matches = {name: OLD_NAME.fullmatch(name) for name in state}
    if not any(matches.values()):
        return dict(state)
    return {
        f"layers.{match[1]}.{PARTS[match[2]]}.{match[3]}": state[name]
        for name, match in matches.items()
        if match and match[2] in PARTS and match[3]
    }
