"""Optimizers, with the three parameter groups: biases, weights that decay, and the rest."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD


def build_optimizer(model: nn.Module, *, lr: float, momentum: float, weight_decay: float) -> SGD:
    """SGD with Nesterov momentum. Convolution and linear weights decay; biases and normalisation do not.

    Each group says by `bias` and `decay` what it holds, for the schedule.
    """
    biases, decayed, rest = [], [], []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if name == "bias":
                biases.append(parameter)
            elif isinstance(module, (nn.Conv2d, nn.Linear)):
                decayed.append(parameter)
            else:
                rest.append(parameter)
    groups = [
        {"name": "biases", "params": biases, "bias": True, "decay": False},
        {"name": "weights", "params": decayed, "bias": False, "decay": True, "weight_decay": weight_decay},
        {"name": "norms", "params": rest, "bias": False, "decay": False},
    ]
    return SGD([group for group in groups if group["params"]], lr=lr, momentum=momentum, nesterov=True)
