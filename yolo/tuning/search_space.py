"""The hyper-parameters that a search varies, with their bounds and mutation steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.config.recipe import flatten_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from yolo.config.train_settings import TrainSettings

MUTATION_PROBABILITY = 0.5  # probability that a mutation changes a hyper-parameter


@dataclass(frozen=True, slots=True)
class SearchParam:
    """A hyper-parameter that a search varies."""

    name: str
    low: float
    high: float
    sigma: float  # standard deviation of a mutation; of the natural logarithm if log_scale is set
    log_scale: bool = False

    def clip(self, value: float) -> float:
        """Return the nearest value within bounds."""
        return min(max(value, self.low), self.high)

    def perturb(self, value: float, noise: float) -> float:
        """Return the value moved by `noise` standard deviations, within bounds."""
        value = self.clip(value)
        return self.clip(value * math.exp(self.sigma * noise) if self.log_scale else value + self.sigma * noise)


LEARNING = (
    SearchParam("lr0", 1e-5, 0.1, 0.4, log_scale=True),
    SearchParam("lrf", 0.005, 1.0, 0.4, log_scale=True),
    SearchParam("momentum", 0.6, 0.98, 0.03),
    SearchParam("weight_decay", 1e-6, 0.01, 0.5, log_scale=True),
)
LOSS = (
    SearchParam("giou", 0.3, 30.0, 0.3, log_scale=True),
    SearchParam("cls", 3.0, 400.0, 0.3, log_scale=True),
    SearchParam("cls_pw", 0.25, 4.0, 0.2, log_scale=True),
    SearchParam("obj", 5.0, 600.0, 0.3, log_scale=True),
    SearchParam("obj_pw", 0.25, 4.0, 0.2, log_scale=True),
    SearchParam("iou_t", 0.1, 0.6, 0.05),
    SearchParam("fl_gamma", 0.0, 2.0, 0.2),
)
IMAGES = (
    SearchParam("hsv_h", 0.0, 0.1, 0.01),
    SearchParam("hsv_s", 0.0, 0.9, 0.1),
    SearchParam("hsv_v", 0.0, 0.9, 0.1),
    SearchParam("degrees", 0.0, 45.0, 4.0),
    SearchParam("translate", 0.0, 0.5, 0.05),
    SearchParam("scale", 0.0, 0.9, 0.1),
    SearchParam("shear", 0.0, 10.0, 1.0),
    SearchParam("perspective", 0.0, 0.001, 0.0001),
    SearchParam("flipud", 0.0, 0.5, 0.1),
    SearchParam("fliplr", 0.0, 0.5, 0.1),
)
JOINED_IMAGES = (
    SearchParam("mosaic", 0.0, 1.0, 0.15),
    SearchParam("mixup", 0.0, 0.5, 0.05),
)


def search_params(settings: TrainSettings) -> tuple[SearchParam, ...]:
    """Return the hyper-parameters that have an effect in a run with these settings."""
    return (
        *(LEARNING if settings.schedule.schedule != "cfg" else ()),
        *(LOSS if settings.loss.loss != "darknet" else ()),
        *IMAGES,
        *(JOINED_IMAGES if not settings.dataset.rect else ()),
    )


def initial_values(settings: TrainSettings, params: Sequence[SearchParam]) -> dict[str, float]:
    """Return the values of the hyper-parameters in the settings."""
    values = flatten_settings(settings) | {"lr0": settings.optimization.lr}
    return {param.name: float(values[param.name]) for param in params}


def mutate(values: Mapping[str, float], params: Sequence[SearchParam], rng: np.random.Generator) -> dict[str, float]:
    """Return a mutation of the values in which at least one hyper-parameter differs."""
    child = dict(values)
    while child == values:
        is_changed = rng.random(len(params)) < MUTATION_PROBABILITY
        noise = rng.standard_normal(len(params))
        for number in is_changed.nonzero()[0]:
            param = params[int(number)]
            child[param.name] = param.perturb(values[param.name], float(noise[number]))
    return child
