"""The golden folder: numbers of the C Darknet, and our networks filled with the same weights and input.

The folder's own README.md says what is in it.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from yolo.darknet.cfg_file import CfgFile
from yolo.layers import HeadSpec
from yolo.model.network import Darknet

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.floating[Any]]

STRIDED = "__strided"  # end of a name: same cfg, Darknet patched to add maps of different size as its first version did
UNDEFINED = "__ndebug"  # likewise: without its size check Darknet adds values that do not belong together; no target


@dataclass(frozen=True)
class Golden:
    """The folder and its recipe for weights and inputs."""

    folder: Path

    @cached_property
    def recipe(self) -> Any:
        """The folder's make_weights.py as a module."""
        spec = importlib.util.spec_from_file_location("make_weights", self.folder / "make_weights.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    @cached_property
    def units(self) -> dict[str, dict[str, Any]]:
        """Name -> description of the tiny networks."""
        units: dict[str, dict[str, Any]] = self.json("units/units.json")
        return units

    def network_names(self) -> list[str]:
        """The whole networks, smaller ones first."""
        summary = self.json("summary.json")
        names = [name for name in summary if not name.endswith(UNDEFINED)]
        return sorted(names, key=lambda name: summary[name]["n_params"])

    def cfg_path(self, name: str) -> Path:
        return self.folder / "cfg" / f"{name.removesuffix(STRIDED)}.cfg"

    def json(self, path: str) -> Any:
        return json.loads((self.folder / path).read_text(encoding="utf-8"))

    def arrays(self, path: str) -> dict[str, Floats]:
        with np.load(self.folder / path) as file:
            return {name: file[name] for name in file.files}

    def write_weights(self, cfg_text: str, gains: dict[str, float], path: Path) -> None:
        """Write the weights of the recipe for a network."""
        cfg = path.with_suffix(".cfg")
        cfg.write_text(cfg_text, encoding="utf-8")
        self.recipe.write_weights(path, self.recipe.plan_from_cfg(cfg), gains)

    def network_input(self, shape: list[int]) -> Tensor:
        """(1, C, H, W) or (1, inputs)."""
        return torch.from_numpy(self.recipe.make_input(tuple(shape)))[None]


@dataclass
class Run:
    """A network filled with the recipe's weights, and what it computed."""

    model: Darknet
    raw: list[Tensor]
    outputs: dict[int, Floats] = field(default_factory=dict)  # layer -> its output as Darknet keeps it, flat
    round_trip: bool = False  # whether the weights came back byte for byte
    num_bytes: int = 0


def with_net_keys(text: str, keys: dict[str, Any]) -> str:
    """The cfg with keys of [net] replaced: of two equal keys the first counts."""
    head, mark, rest = text.partition("[net]")
    assert mark, "every golden cfg has a [net] section"
    return head + mark + "\n" + "".join(f"{key}={value}\n" for key, value in keys.items()) + rest


def run(golden: Golden, text: str, name: str, shape: list[int], gains: dict[str, float], folder: Path) -> Run:
    """Build, load weights, save them again, and run in torch's default dtype; every layer's output is kept."""
    weights, copy = folder / "golden.weights", folder / "copy.weights"
    golden.write_weights(text, gains, weights)
    model = Darknet.from_cfg(CfgFile.parse(text, name)).eval()
    model.load_weights(weights)
    model.save_weights(copy)
    data = weights.read_bytes()
    result = Run(model.to(torch.get_default_dtype()), [], round_trip=data == copy.read_bytes(), num_bytes=len(data))

    def keep(index: int, output: Tensor) -> None:
        spec = model.nodes[index].spec
        kept = spec.activate(output) if isinstance(spec, HeadSpec) else output
        result.outputs[index] = kept.detach().numpy().reshape(-1).copy()

    for index, layer in enumerate(model.layers):
        layer.register_forward_hook(lambda _module, _inputs, output, index=index: keep(index, output))
    with torch.no_grad():
        result.raw = model(golden.network_input(shape).to(torch.get_default_dtype()))
    return result
