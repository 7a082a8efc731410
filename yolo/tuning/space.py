"""The hyper-parameters that a search varies, and how far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.config.recipe import flat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from yolo.config.train_settings import TrainSettings

SHARE_MUTATED = 0.5  # probability that a mutation touches a gene


@dataclass(frozen=True, slots=True)
class Gene:
    """A hyper-parameter."""

    name: str
    low: float
    high: float
    sigma: float  # standard deviation of a mutation; of the natural logarithm where it is logarithmic
    logarithmic: bool = False

    def clipped(self, value: float) -> float:
        """The nearest value within bounds."""
        return min(max(value, self.low), self.high)

    def mutated(self, value: float, noise: float) -> float:
        """A neighbour of a value, `noise` standard deviations away, within bounds."""
        value = self.clipped(value)
        return self.clipped(value * math.exp(self.sigma * noise) if self.logarithmic else value + self.sigma * noise)


LEARNING = (
    Gene("lr0", 1e-5, 0.1, 0.4, logarithmic=True),
    Gene("lrf", 0.005, 1.0, 0.4, logarithmic=True),
    Gene("momentum", 0.6, 0.98, 0.03),
    Gene("weight_decay", 1e-6, 0.01, 0.5, logarithmic=True),
)
LOSS = (
    Gene("giou", 0.3, 30.0, 0.3, logarithmic=True),
    Gene("cls", 3.0, 400.0, 0.3, logarithmic=True),
    Gene("cls_pw", 0.25, 4.0, 0.2, logarithmic=True),
    Gene("obj", 5.0, 600.0, 0.3, logarithmic=True),
    Gene("obj_pw", 0.25, 4.0, 0.2, logarithmic=True),
    Gene("iou_t", 0.1, 0.6, 0.05),
    Gene("fl_gamma", 0.0, 2.0, 0.2),
)
IMAGES = (
    Gene("hsv_h", 0.0, 0.1, 0.01),
    Gene("hsv_s", 0.0, 0.9, 0.1),
    Gene("hsv_v", 0.0, 0.9, 0.1),
    Gene("degrees", 0.0, 45.0, 4.0),
    Gene("translate", 0.0, 0.5, 0.05),
    Gene("scale", 0.0, 0.9, 0.1),
    Gene("shear", 0.0, 10.0, 1.0),
    Gene("perspective", 0.0, 0.001, 0.0001),
    Gene("flipud", 0.0, 0.5, 0.1),
    Gene("fliplr", 0.0, 0.5, 0.1),
)
JOINED_IMAGES = (
    Gene("mosaic", 0.0, 1.0, 0.15),
    Gene("mixup", 0.0, 0.5, 0.05),
)


def genes_of(settings: TrainSettings) -> tuple[Gene, ...]:
    """The hyper-parameters that have an effect in a run of these settings."""
    return (
        *(LEARNING if settings.schedule.schedule != "cfg" else ()),
        *(LOSS if settings.loss.loss != "darknet" else ()),
        *IMAGES,
        *(JOINED_IMAGES if not settings.dataset.rect else ()),
    )


def values_of(settings: TrainSettings, genes: Sequence[Gene]) -> dict[str, float]:
    """What the settings say of each gene."""
    values = flat(settings) | {"lr0": settings.optimization.lr}
    return {gene.name: float(values[gene.name]) for gene in genes}


def mutate(values: Mapping[str, float], genes: Sequence[Gene], rng: np.random.Generator) -> dict[str, float]:
    """A neighbour of a set of values: each gene may change, at least one does; the others stay as they are."""
    child = dict(values)
    while child == values:
        touched = rng.random(len(genes)) < SHARE_MUTATED
        noise = rng.standard_normal(len(genes))
        for number in touched.nonzero()[0]:
            gene = genes[int(number)]
            child[gene.name] = gene.mutated(values[gene.name], float(noise[number]))
    return child
