"""What a cfg's layer-wise training keys mean for the model's parameters."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from yolo.engine.optimizer import ParamSchedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from yolo.model.network import Darknet

logger = logging.getLogger(__name__)


def layer_schedules(model: Darknet, epochs_of: Callable[[float], float]) -> list[ParamSchedule]:
    """Each layer's pace, from its `learning_rate`, `dont_update`, `burnin_update`, `stopbackward` and the like.

    Args:
        model: the network.
        epochs_of: Darknet's batches -> epochs of this run.
    """
    schedules: list[ParamSchedule] = []
    blocked = 0.0
    for node in reversed(model.nodes):
        blocked = max(blocked, node.spec.stop_gradient_steps())
        idle = max(blocked, node.spec.frozen_steps(model.net.burn_in))
        start = idle if idle in (0, math.inf) else epochs_of(idle)
        schedules.append(ParamSchedule(lr_factor=node.spec.learning_rate, start=start))
    return schedules[::-1]


def param_schedules(model: Darknet, epochs_of: Callable[[float], float]) -> dict[nn.Parameter, ParamSchedule]:
    """The pace of each parameter whose layer has one of its own; of parameters that layers share, the owner's."""
    schedules: dict[nn.Parameter, ParamSchedule] = {}
    for pace, layer in zip(layer_schedules(model, epochs_of), model.layers, strict=True):
        for parameter in layer.parameters():
            schedules.setdefault(parameter, pace)
    return {parameter: pace for parameter, pace in schedules.items() if pace != ParamSchedule()}


def log_layer_schedules(model: Darknet, schedules: list[ParamSchedule], epochs: float) -> None:
    """Say which layers do not learn from the start: silence here costs somebody a day."""
    starts = [
        pace.start if list(layer.parameters()) else 0.0 for pace, layer in zip(schedules, model.layers, strict=True)
    ]
    for start in sorted(set(starts) - {0.0}):
        layers = [index for index, value in enumerate(starts) if value == start]
        where = f"{model.cfg.path}: {len(layers)} layers ({layers[0]} to {layers[-1]})"
        when = "do not learn in this run" if start >= epochs else f"learn from epoch {start:.2g} on"
        logger.info("%s %s, as keys like stopbackward and dont_update say", where, when)
