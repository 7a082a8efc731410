"""Muon: momentum whose updates of weight matrices have singular values near 1, so that no direction is neglected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.optim import Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration; singular values end between 0.7 and 1.2
NUM_ITERATIONS = 5
MAX_ROWS = 128  # filters that are made orthogonal to each other; more cost more time than they are worth
ADAMW_LR_FACTOR = 1 / 60
TINY = 1e-12


class Muon(Optimizer):
    """Muon for parameter groups with `orthogonal`, AdamW for all others.

    The update of a weight is made orthogonal in blocks of up to `MAX_ROWS` filters, so that its singular values are
    about `lr`. Filters of a single input channel (depthwise) are blocks of their own. Weights that normalisation
    follows suit Muon; the layers before the heads, biases and scales do not.

    Args:
        params: parameters or groups.
        lr: learning rate; AdamW wants about `ADAMW_LR_FACTOR` of Muon's.
        betas: momentum of Muon and first moment of AdamW; second moment of AdamW.
        eps: of AdamW.
        weight_decay: decoupled, of both.
        orthogonal: whether Muon updates a group.

    Source: the orthogonalised momentum of Keller Jordan's Muon (2024). Differs: blocks of filters, which is faster.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.06,
        betas: tuple[float, float] = (0.95, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        orthogonal: bool = False,
    ) -> None:
        if eps <= 0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"orthogonal": orthogonal})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update all parameters that have a gradient; `closure` is not supported."""
        assert closure is None
        for group in self.param_groups:
            update = self._update_orthogonal if group["orthogonal"] else self._update_adamw
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    update(parameter, parameter.grad, group)

    def _update_orthogonal(self, weight: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state, beta = self.state[weight], group["betas"][0]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].lerp_(grad, 1 - beta)
        blocks = as_blocks(torch.lerp(grad, state["momentum"], beta))  # Nesterov
        scale = max(1.0, blocks.shape[1] / blocks.shape[2]) ** 0.5  # so that rows of tall blocks move as far as others
        weight.sub_(orthogonalize(blocks).reshape(weight.shape), alpha=group["lr"] * scale)

    def _update_adamw(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state, (beta1, beta2) = self.state[parameter], group["betas"]
        if not state:
            state |= {"step": 0, "mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}
        state["step"] += 1
        state["mean"].lerp_(grad, 1 - beta1)
        state["square"].lerp_(grad.square(), 1 - beta2)
        deviation = (state["square"] / (1 - beta2 ** state["step"])).sqrt_().add_(group["eps"])
        parameter.addcdiv_(state["mean"] / (1 - beta1 ** state["step"]), deviation, value=-group["lr"])


def as_blocks(weight: Tensor) -> Tensor:
    """View weights (filters, channels, ...) as equal blocks of up to `MAX_ROWS` filters, (blocks, filters, values)."""
    filters = weight.shape[0]
    if weight.shape[1] == 1:
        return weight.reshape(filters, 1, -1)
    count = next(n for n in range(-(-filters // MAX_ROWS), filters + 1) if filters % n == 0)
    return weight.reshape(count, filters // count, -1)


def orthogonalize(matrices: Tensor) -> Tensor:
    """Return the nearest matrices (B, M, N) whose singular values are all about 1; zero matrices stay zero."""
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    x = x / _norm(x)
    a, b, c = COEFFICIENTS
    for _ in range(NUM_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x


def _norm(matrices: Tensor) -> Tensor:
    """Return the Frobenius norm of each matrix (B, M, N), (B, 1, 1), above 0."""
    norm: Tensor = torch.linalg.vector_norm(matrices, dim=(1, 2), keepdim=True)
    return norm.clamp(min=TINY)
