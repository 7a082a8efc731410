"""Optimizers, with the three parameter groups: biases, weights that decay, and the rest."""

from __future__ import annotations

from typing import Literal

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

SECOND_BETA = 0.999  # of Adam, its paper's default
OptimizerName = Literal["sgd", "adam", "adamw"]


def build_optimizer(
    model: nn.Module, name: OptimizerName, *, lr: float, momentum: float, weight_decay: float
) -> Optimizer:
    """SGD with Nesterov momentum, Adam or AdamW.

    Convolution and linear weights decay; biases and normalisation do not. Each group says by `bias` and `decay` what
    it holds, for the schedule.

    Args:
        model: whose parameters are optimized.
        name: which optimizer.
        lr: learning rate.
        momentum: of SGD; of the others, the first beta.
        weight_decay: of convolution and linear weights.
    """
    biases, decayed, rest = [], [], []
    for path, parameter in model.named_parameters():  # names a parameter that modules share once
        owner, _, role = path.rpartition(".")
        if role == "bias":
            biases.append(parameter)
        elif isinstance(model.get_submodule(owner), (nn.Conv2d, nn.Linear)):
            decayed.append(parameter)
        else:
            rest.append(parameter)
    groups = [
        {"name": "biases", "params": biases, "bias": True, "decay": False},
        {"name": "weights", "params": decayed, "bias": False, "decay": True, "weight_decay": weight_decay},
        {"name": "norms", "params": rest, "bias": False, "decay": False},
    ]
    filled = [group for group in groups if group["params"]]
    if name == "sgd":
        return SGD(filled, lr=lr, momentum=momentum, nesterov=True)
    adam = Adam if name == "adam" else AdamW
    return adam(filled, lr=lr, betas=(momentum, SECOND_BETA), weight_decay=0.0)
