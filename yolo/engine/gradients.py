"""Gradients between the backward pass and the optimizer's step: clipped, and refused where they are not finite."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.optim import Optimizer


@torch.no_grad()
def clip_gradients(optimizer: Optimizer, max_norm: float) -> float:
    """Scale the gradients down to a norm over all parameters together.

    Gradients that are not finite stay as they are.

    Args:
        optimizer: whose parameters' gradients are meant.
        max_norm: the largest norm; 0: any.

    Returns:
        Their norm before; not finite where one of them is not.
    """
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    if not gradients:
        return 0.0
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    length = float(norm)
    if max_norm and math.isfinite(length):
        torch._foreach_mul_(gradients, (max_norm / (norm + 1e-12)).clamp(max=1.0))
    return length
