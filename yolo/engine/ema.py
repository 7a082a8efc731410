"""Exponential moving average of a model's weights and buffers."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn

WARM_UP = 2000.0


def fitted_to_run(decay: float, steps: int, share: float) -> tuple[float, float]:
    """Decay and warm-up with which an average reaches back over no more than a share of a run.

    With the warm-up of long runs, the average of a run of some hundred steps is nearly the last weights alone, and that
    of some ten thousand lags behind by a third of the run. A run of `1 / (share * (1 - decay))` steps or more keeps
    both as they are.

    Args:
        decay: the largest decay.
        steps: optimizer steps of the run.
        share: of the run; 0: any.
    """
    if not share:
        return decay, WARM_UP
    span = max(share * steps, 1.0)
    return min(decay, 1 - 1 / span), min(WARM_UP, span)


def _tensors(model: nn.Module) -> list[torch.Tensor]:
    """Parameters and buffers, those that modules share once."""
    return [*model.parameters(), *model.buffers()]


class ModelEma:
    """A smoothed copy of a model, which is what gets evaluated and kept.

    The decay rises with the number of updates, up to averaging over `1 / (1 - decay)` of them.

    Source: the PyTorch YOLOv3 trainers of 2018-2020.

    Args:
        model: the model whose copy this is.
        decay: the largest decay.
        warm_up: updates after which the decay has reached 63 % of it.
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
        """Move towards the model's present state; integer buffers are copied."""
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
        """Give a model's buffers their averages back where a batch has left them infinite or undefined."""
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            if mine.dtype.is_floating_point:
                theirs.copy_(torch.where(theirs.isfinite(), theirs, mine))

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]
