"""Gradient clipping."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.optim import Optimizer


@torch.no_grad()
def clip_gradients(optimizer: Optimizer, max_norm: float) -> float:
    """Scale the gradients of all parameters down to a common norm.

    Gradients that are not finite are not changed.

    Args:
        optimizer: of the parameters.
        max_norm: maximum norm; 0: no limit.

    Returns:
        The norm before clipping; not finite if one of the gradients is not.
    """
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    if not gradients:
        return 0.0
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    length = float(norm)
    if max_norm and math.isfinite(length):
        torch._foreach_mul_(gradients, (max_norm / (norm + 1e-12)).clamp(max=1.0))
    return length
