"""Deltas as all of Darknet's losses write them. Axes: M predictions, E entries a prediction, C classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor

FOCAL_ALPHA = 0.5


class LossTerm(NamedTuple):
    """One loss term of one head."""

    raw: Tensor  # a view of the head's raw output
    delta: Tensor  # minus its gradient, of the same shape
    cost: Tensor  # scalar; Darknet's, whose gradient is not the delta


def split_terms(entries: Tensor, delta: Tensor, num_coords: int) -> dict[str, LossTerm]:
    """Split a head into the box, objectness and class terms; their costs are sums of squared deltas.

    Args:
        entries: (..., E): the raw output; E is coordinates, objectness, classes.
        delta: (M, E): of the same predictions in the same order.
        num_coords: number of coordinates.
    """
    sizes = [num_coords, 1, delta.shape[1] - num_coords - 1]
    box, objectness, class_ = (part.square().sum() for part in torch.split(delta, sizes, dim=1))
    delta = delta.view(entries.shape)
    return {
        "box": LossTerm(entries[..., :num_coords], delta[..., :num_coords], box),
        "objectness": LossTerm(entries[..., num_coords], delta[..., num_coords], objectness),
        "class": LossTerm(entries[..., num_coords + 1 :], delta[..., num_coords + 1 :], class_),
    }


def focal_factor(probability: Tensor) -> Tensor:
    """Return Darknet's focal factor (gamma 2, alpha included) for the probability of the true class."""
    factor = -(1 - probability) * (2 * probability * torch.log(probability + 1e-15) + probability - 1)
    return FOCAL_ALPHA * factor


def clip_delta(delta: Tensor, limit: float | None) -> Tensor:
    """Set values that are not finite to 0, and clamp the others to -limit..limit if there is one."""
    finite = delta.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return finite if limit is None else finite.clamp(-limit, limit)
