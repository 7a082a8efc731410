"""What a cfg's layer-wise training keys mean for the model's parameters."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from yolo.engine.optimizer import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from yolo.model.network import Darknet

logger = logging.getLogger(__name__)


def layer_paces(model: Darknet, epochs_of: Callable[[float], float]) -> list[Pace]:
    """Each layer's pace, from its `learning_rate`, `dont_update`, `burnin_update`, `stopbackward` and the like.

    Args:
        model: the network.
        epochs_of: Darknet's batches -> epochs of this run.
    """
    paces: list[Pace] = []
    blocked = 0.0
    for node in reversed(model.nodes):
        blocked = max(blocked, node.spec.blocks_steps())
        idle = max(blocked, node.spec.idle_steps(model.net.burn_in))
        start = idle if idle in (0, math.inf) else epochs_of(idle)
        paces.append(Pace(lr_factor=node.spec.learning_rate, start=start))
    return paces[::-1]


def parameter_paces(model: Darknet, epochs_of: Callable[[float], float]) -> dict[nn.Parameter, Pace]:
    """The pace of each parameter whose layer has one of its own; of parameters that layers share, the owner's."""
    paces: dict[nn.Parameter, Pace] = {}
    for pace, layer in zip(layer_paces(model, epochs_of), model.layers, strict=True):
        for parameter in layer.parameters():
            paces.setdefault(parameter, pace)
    return {parameter: pace for parameter, pace in paces.items() if pace != Pace()}


def log_paces(model: Darknet, paces: list[Pace], epochs: float) -> None:
    """Say which layers do not learn from the start: silence here costs somebody a day."""
    starts = [pace.start if list(layer.parameters()) else 0.0 for pace, layer in zip(paces, model.layers, strict=True)]
    for start in sorted(set(starts) - {0.0}):
        layers = [index for index, value in enumerate(starts) if value == start]
        where = f"{model.cfg.path}: {len(layers)} layers ({layers[0]} to {layers[-1]})"
        when = "do not learn in this run" if start >= epochs else f"learn from epoch {start:.2g} on"
        logger.info("%s %s, as keys like stopbackward and dont_update say", where, when)
