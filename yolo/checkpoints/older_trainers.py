"""Names of tensors in state dicts of the 2018-2021 PyTorch trainers of Darknet networks -> ours.

There, `module_list.N` held `Conv2d`, `BatchNorm2d` and `activation` of the N-th section after [net]; we count alike.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

OLD_NAME = re.compile(r"(?:module\.)?module_list\.(\d+)\.(\w+)(?:\.(\w+))?")  # module.: saved while distributed
PARTS = {"Conv2d": "conv", "BatchNorm2d": "bn"}

Value = TypeVar("Value")


def modern_names(state: Mapping[str, Value]) -> dict[str, Value]:
    """A state dict under our names; one that has no old name is handed back as it is.

    What old trainers kept beside convolutions and normalisation (slopes of activations, weights of sums) has no
    counterpart and is left out.
    """
    matches = {name: OLD_NAME.fullmatch(name) for name in state}
    if not any(matches.values()):
        return dict(state)
    return {
        f"layers.{match[1]}.{PARTS[match[2]]}.{match[3]}": state[name]
        for name, match in matches.items()
        if match and match[2] in PARTS and match[3]
    }
