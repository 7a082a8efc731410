"""Exponential moving average of a model's weights and buffers."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn

WARM_UP = 2000.0


def fitted_to_run(decay: float, steps: int, share: float) -> tuple[float, float]:
    """Return the decay and warm-up of an average over at most a share of a run.

    With the warm-up of long runs, the average of a run of some hundred steps would be nearly the last weights, and that
    of some ten thousand would lag behind by a third of the run. A run of `1 / (share * (1 - decay))` steps or more
    keeps both.

    Args:
        decay: the maximum decay.
        steps: optimizer steps of the run.
        share: of the run; 0: no limit.
    """
    if not share:
        return decay, WARM_UP
    span = max(share * steps, 1.0)
    return min(decay, 1 - 1 / span), min(WARM_UP, span)


def _tensors(model: nn.Module) -> list[torch.Tensor]:
    """Return parameters and buffers; those that modules share come once."""
    return [*model.parameters(), *model.buffers()]


class ModelEma:
    """An averaged copy of a model, which is validated and saved.

    The decay grows with the number of updates, up to an average over `1 / (1 - decay)` of them.

    Source: the PyTorch YOLOv3 trainers of 2018-2020.

    Args:
        model: to copy.
        decay: the maximum decay.
        warm_up: updates after which the decay has reached 63 % of its maximum.
    """

    def __init__(self, model: nn.Module, decay: float = 0.9999, warm_up: float = WARM_UP) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.warm_up = warm_up
        self.updates = 0

    def decay_at(self, updates: int) -> float:
        return self.decay * (1 - math.exp(-updates / self.warm_up))

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the current state of the model; integer buffers are copied."""
        self.updates += 1
        weight = 1 - self.decay_at(self.updates)
        averages, values = [], []
        for mine, theirs in zip(_tensors(self.model), _tensors(model), strict=True):
            if mine.dtype.is_floating_point:
                averages.append(mine)
                values.append(theirs.detach().to(mine.dtype))  # apex's O2 halves the model
            else:
                mine.copy_(theirs)
        torch._foreach_lerp_(averages, values, weight)

    @torch.no_grad()
    def restore_finite_buffers(self, model: nn.Module) -> None:
        """Replace values of the model's buffers that a batch has made infinite or NaN by their averages."""
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            if mine.dtype.is_floating_point:
                theirs.copy_(torch.where(theirs.isfinite(), theirs, mine))

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]
