"""The layer-wise training keys of a cfg as parameter schedules."""

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


def layer_schedules(model: Darknet, to_epochs: Callable[[float], float]) -> list[ParamSchedule]:
    """Return the schedule of each layer, from its keys `learning_rate`, `dont_update`, `stopbackward` and the like.

    Args:
        model: the network.
        to_epochs: Darknet's batches -> epochs of this run.
    """
    schedules: list[ParamSchedule] = []
    blocked = 0.0
    for node in reversed(model.nodes):
        blocked = max(blocked, node.spec.stop_gradient_steps())
        idle = max(blocked, node.spec.frozen_steps(model.net.burn_in))
        start = idle if idle in (0, math.inf) else to_epochs(idle)
        schedules.append(ParamSchedule(lr_factor=node.spec.learning_rate, start=start))
    return schedules[::-1]


def param_schedules(model: Darknet, to_epochs: Callable[[float], float]) -> dict[nn.Parameter, ParamSchedule]:
    """Return the schedule of each parameter whose layer has one; parameters that layers share have their owner's."""
    schedules: dict[nn.Parameter, ParamSchedule] = {}
    for schedule, layer in zip(layer_schedules(model, to_epochs), model.layers, strict=True):
        for parameter in layer.parameters():
            schedules.setdefault(parameter, schedule)
    return {parameter: schedule for parameter, schedule in schedules.items() if schedule != ParamSchedule()}


def log_layer_schedules(model: Darknet, schedules: list[ParamSchedule], epochs: float) -> None:
    """Log which layers do not train from the start: it would take long to find that out from the results."""
    starts = [
        schedule.start if list(layer.parameters()) else 0.0
        for schedule, layer in zip(schedules, model.layers, strict=True)
    ]
    for start in sorted(set(starts) - {0.0}):
        layers = [index for index, value in enumerate(starts) if value == start]
        where = f"{model.cfg.path}: {len(layers)} layers ({layers[0]} to {layers[-1]})"
        when = "do not learn in this run" if start >= epochs else f"learn from epoch {start:.2g} on"
        logger.info("%s %s, as keys like stopbackward and dont_update say", where, when)
