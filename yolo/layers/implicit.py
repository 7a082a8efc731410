"""[implicit]: learned values that do not depend on the input."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from yolo.darknet.cfg_keys import check_key
from yolo.layers.layer_spec import LayerSpec, Shape, register


class ImplicitLayer(nn.Module):
    """The layer's weights for every image, (B, ...) -> (B, filters, atoms, 1)."""

    def __init__(self, spec: Implicit) -> None:
        super().__init__()
        self.weight = nn.Parameter(spec.mean + spec.std * torch.randn(spec.filters, spec.atoms, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight.expand(x.shape[0], -1, -1, -1)


@register("implicit")
@dataclass(frozen=True, slots=True, kw_only=True)
class Implicit(LayerSpec):
    """Keys of [implicit]; `mean` and `std` are for the initial values."""

    mean: float = 0.0
    std: float = 0.2
    filters: int = 128
    atoms: int = 1

    def __post_init__(self) -> None:
        check_key("filters", self.filters >= 1, "must be 1 or more")
        check_key("atoms", self.atoms >= 1, "must be 1 or more")

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(self.filters, self.atoms, 1)

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return ImplicitLayer(self)

    def weights(self, module: nn.Module) -> list[Tensor]:
        assert isinstance(module, ImplicitLayer)
        return [module.weight]
