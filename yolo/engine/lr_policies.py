"""Learning rate policies: pure functions from the progress of a run to a factor of its learning rate.

Progress is 0 at the start and 1 at the end. All except `constant`, `steps` and `step` decay from 1 to `floor`. Burn-in
is not part of a policy: `Schedule` prepends it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from functools import partial

from yolo.config.schedule_settings import ScheduleSettings

Policy = Callable[[float], float]
ROUNDING = 1e-9  # tolerance of comparisons of progress


def constant(progress: float) -> float:
    """Return 1."""
    del progress
    return 1.0


def linear(progress: float, *, floor: float) -> float:
    """Return a straight line down to `floor`."""
    return floor + (1 - floor) * (1 - progress)


def cosine(progress: float, *, floor: float) -> float:
    """Return half a cosine wave. Source: Loshchilov and Hutter, arXiv 1608.03983, one cycle."""
    return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2


def polynomial(progress: float, *, floor: float, power: float) -> float:
    """Return a polynomial decay to `floor`; power 1 is linear."""
    return floor + (1 - floor) * float((1 - progress) ** power)


def exponential(progress: float, *, floor: float) -> float:
    """Return an exponential decay; `floor` is above 0."""
    return float(floor**progress)


def sigmoid(progress: float, *, floor: float, steepness: float) -> float:
    """Return a logistic curve, scaled to start at 1 and end at `floor`; `steepness` is above 0."""
    start, here, end = (1 / (1 + math.exp(steepness * (x - 0.5))) for x in (0.0, progress, 1.0))
    return floor + (1 - floor) * (here - end) / (start - end)


def steps(progress: float, *, at: tuple[float, ...], scales: tuple[float, ...]) -> float:
    """Return the product of the scales whose milestone in `at`, in ascending order, has been reached."""
    return math.prod(scales[: bisect_right(at, progress + ROUNDING)])


def step(progress: float, *, every: float, scale: float) -> float:
    """Return `scale` to the power of the number of completed intervals of length `every`."""
    return float(scale ** math.floor(progress / every + ROUNDING))


def sgdr(progress: float, *, floor: float, restarts: int, mult: float) -> float:
    """Return cosines, each `mult` times as long as the one before, which together fill the run.

    Source: Loshchilov and Hutter, arXiv 1608.03983. Differs: the lengths are fitted, so that the run ends at the floor.
    """
    lengths = [mult**cycle for cycle in range(restarts + 1)]
    left = progress * sum(lengths)
    for length in lengths[:-1]:
        if left < length - ROUNDING:
            return cosine(left / length, floor=floor)
        left -= length
    return cosine(min(left / lengths[-1], 1.0), floor=floor)


def build_policy(settings: ScheduleSettings) -> Policy:
    """Build the policy that the settings name, except `cfg`, which is built from the network file."""
    floor = settings.lrf
    policies: dict[str, Policy] = {
        "constant": constant,
        "linear": partial(linear, floor=floor),
        "cosine": partial(cosine, floor=floor),
        "polynomial": partial(polynomial, floor=floor, power=settings.lr_power),
        "exponential": partial(exponential, floor=floor),
        "sigmoid": partial(sigmoid, floor=floor, steepness=settings.lr_steepness),
        "steps": partial(steps, at=settings.lr_steps, scales=settings.lr_scales),
        "step": partial(step, every=settings.lr_step_size, scale=settings.lr_gamma),
        "sgdr": partial(sgdr, floor=floor, restarts=settings.lr_restarts, mult=settings.lr_cycle_mult),
    }
    return policies[settings.schedule]
