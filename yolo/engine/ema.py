"""Exponential moving average of a model's weights and buffers."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn


def _tensors(model: nn.Module) -> list[torch.Tensor]:
    """Parameters and buffers, those that modules share once."""
    return [*model.parameters(), *model.buffers()]


class ModelEma:
    """A smoothed copy of a model, which is what gets evaluated and kept.

    The decay rises with the number of updates, so that a short run is averaged over a part of its own length and a
    long one over `1 / (1 - decay)` updates.

    Args:
        model: the model whose copy this is.
        decay: the largest decay.
        warm_up: updates after which the decay has reached 63 % of it.
    """

    def __init__(self, model: nn.Module, decay: float = 0.9999, warm_up: float = 2000) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.warm_up = warm_up
        self.updates = 0

    def decay_at(self, updates: int) -> float:
        return self.decay * (1 - math.exp(-updates / self.warm_up))

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model's present state; integer buffers are copied."""
        self.updates += 1
        weight = 1 - self.decay_at(self.updates)
        averages, values = [], []
        for mine, theirs in zip(_tensors(self.model), _tensors(model), strict=True):
            if mine.dtype.is_floating_point:
                averages.append(mine)
                values.append(theirs.detach())
            else:
                mine.copy_(theirs)
        torch._foreach_lerp_(averages, values, weight)

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]
