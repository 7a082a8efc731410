"""The schedule of a run, from its settings and from the cfg's [net] where that is asked for."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from yolo.engine.darknet_policy import POLICIES, DarknetPolicy
from yolo.engine.lr_policies import build_policy
from yolo.engine.phases import PhasedSchedule
from yolo.engine.schedule import Schedule, accumulation, burn_in_epochs
from yolo.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolo.config.optimizer_settings import OptimizerSettings
    from yolo.config.schedule_settings import ScheduleSettings
    from yolo.config.train_settings import TrainSettings
    from yolo.darknet.net_section import NetSection

logger = logging.getLogger(__name__)

SGD = ("sgd", "fusedsgd")
BURN_IN_BIAS_LR = 0.1  # of SGD; Adam's steps do not shrink with small gradients, so its biases start from 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of a run with one batch size and one schedule. A run has one, or two: frozen and unfrozen."""

    epochs: int
    batch_size: int  # images, over all processes
    batches: int  # micro-batches per epoch
    images: int  # per epoch
    lr: float  # after burn-in

    def net_batches(self, net: NetSection) -> float:
        """Return the length in batches of the size that [net] gives."""
        return self.epochs * self.images / net.batch


@dataclass(frozen=True, slots=True)
class SchedulePlan:
    """The phases of a run and the schedule of each."""

    phases: tuple[Phase, ...]
    schedules: tuple[Schedule, ...]

    @property
    def schedule(self) -> Schedule | PhasedSchedule:
        """The schedule of the whole run."""
        if len(self.schedules) == 1:
            return self.schedules[0]
        first, then = self.schedules
        return PhasedSchedule(first=first, then=then)

    @property
    def num_steps(self) -> int:
        """Optimizer steps of the whole run; those of burn-in are counted like the others."""
        pairs = zip(self.phases, self.schedules, strict=True)
        return sum(phase.epochs * math.ceil(phase.batches / schedule.accumulate) for phase, schedule in pairs)

    @property
    def never_accumulates(self) -> bool:
        """True if every optimizer step is of one batch."""
        return all(schedule.accumulate == 1 for schedule in self.schedules)

    def describe(self, name: str, optimization: OptimizerSettings) -> str:
        """Return optimizer, length, batches and burn-in of each phase, for the summary.

        Args:
            name: of the schedule.
            optimization: settings of the optimizer.
        """
        return f"{optimization.optimizer}, " + ", then ".join(
            f"{schedule.epochs} epochs of {phase.batches} batches, {schedule.accumulate} a step, "
            f"learning rate {phase.lr:g}, schedule {name}, burn-in {schedule.burn_in:.1f} epochs"
            for phase, schedule in zip(self.phases, self.schedules, strict=True)
        )


def follow_net(settings: TrainSettings, net: NetSection, num_images: int) -> TrainSettings:
    """Return the settings with batch size and number of epochs from [net], if --cfg-batches asks for them.

    Raises:
        SettingsError: [net] does not say how long to train.
    """
    if not settings.schedule.cfg_batches:
        return settings
    if net.max_batches < 1:
        raise SettingsError("--cfg-batches: the cfg's [net] has no max_batches; add it, or give --epochs instead")
    epochs = math.ceil(net.max_batches * net.batch / num_images)
    batch_size = max(1, net.batch // net.subdivisions)
    logger.info(
        "[net]: max_batches=%d of batch=%d in subdivisions=%d: %d epochs, batch size %d",
        *(net.max_batches, net.batch, net.subdivisions, epochs, batch_size),
    )
    return replace(settings, epochs=epochs, batch_size=batch_size)


def batch_size_at(settings: TrainSettings, epoch: int) -> int:
    """Return the number of images per batch in an epoch, counted from 0."""
    freezing = settings.freezing
    if freezing.freeze_batch_size and freezing.freeze_epochs and epoch < freezing.freeze_epochs:
        return freezing.freeze_batch_size
    return settings.images_per_batch


def split_into_phases(settings: TrainSettings, images: int, batches_of: Callable[[int], int]) -> tuple[Phase, ...]:
    """Return the phases of a run: one, or one before and one after its layers are unfrozen.

    Args:
        settings: of the run.
        images: per epoch.
        batches_of: batch size -> batches per epoch.
    """

    def phase(epochs: int, batch_size: int, lr: float) -> Phase:
        return Phase(epochs=epochs, batch_size=batch_size, batches=batches_of(batch_size), images=images, lr=lr)

    batch_size, lr = settings.images_per_batch, settings.optimization.lr
    frozen = settings.freezing.freeze_epochs
    if frozen is None:
        return (phase(settings.epochs, batch_size, lr),)
    first = phase(frozen, batch_size_at(settings, 0), settings.freezing.freeze_lr0 or lr)
    return first, phase(settings.epochs - frozen, batch_size, lr)


def build_run_schedule(
    settings: TrainSettings, net: NetSection, images: int, batches_of: Callable[[int], int]
) -> SchedulePlan:
    """Build the schedule of each phase of a run; each has its own burn-in.

    Args:
        settings: of the run.
        net: the cfg's [net].
        images: per epoch.
        batches_of: batch size -> batches per epoch.
    """
    phases = split_into_phases(settings, images, batches_of)
    first, *rest = [
        build_schedule(phase, settings.schedule, settings.optimization, net, settings.seed) for phase in phases
    ]
    later = [replace(schedule, burn_in_bias_lr=0.0) for schedule in rest]  # biases have learnt by then
    return SchedulePlan(phases, (first, *later))


def build_schedule(
    phase: Phase, chosen: ScheduleSettings, optimization: OptimizerSettings, net: NetSection, seed: int = 0
) -> Schedule:
    """Build the schedule of a phase, fitted to its length.

    Raises:
        SettingsError: burn-in is longer than the phase.
    """
    if chosen.schedule == "cfg":
        return _net_schedule(phase, net, seed)
    accumulate = accumulation(
        phase.batch_size, optimization.nominal_batch_size, phase.epochs * phase.batches, optimization.min_steps
    )
    share_of_nominal = phase.batch_size * accumulate / optimization.nominal_batch_size
    return Schedule(
        epochs=phase.epochs,
        policy=build_policy(chosen),
        burn_in=_burn_in(phase, chosen),
        lr=phase.lr * (share_of_nominal if chosen.scale_lr else 1.0),
        lr_min=chosen.lr_min,
        momentum=optimization.momentum,
        weight_decay=optimization.weight_decay * share_of_nominal,
        burn_in_bias_lr=BURN_IN_BIAS_LR if optimization.optimizer.lower() in SGD else 0.0,
        accumulate=accumulate,
        objectness_ramp=chosen.objectness_ramp,
    )


def _burn_in(phase: Phase, chosen: ScheduleSettings) -> float:
    """Return the length of burn-in in epochs."""
    if chosen.burn_in_batches is not None:
        burn_in = chosen.burn_in_batches / phase.batches
        if burn_in > phase.epochs:
            raise SettingsError(
                f"--burn-in-batches {chosen.burn_in_batches}: the run has {phase.epochs * phase.batches}; use fewer"
            )
        return burn_in
    if chosen.burn_in_epochs is not None:
        return min(chosen.burn_in_epochs, phase.epochs)
    return burn_in_epochs(phase.epochs, phase.batches, chosen.burn_in_fraction)


def _net_schedule(phase: Phase, net: NetSection, seed: int) -> Schedule:
    """Build Darknet's schedule: its rates by its own count of batches, and no ramp of anything else."""
    if net.policy not in POLICIES:
        logger.warning("[net]: policy=%s is none of %s; constant, as in Darknet", net.policy, ", ".join(POLICIES))
    policy = DarknetPolicy(
        learning_rate=net.learning_rate,
        policy=net.policy,
        burn_in=net.burn_in,
        power=net.power,
        max_batches=net.max_batches,
        steps=net.steps,
        scales=net.scales,
        step=net.step,
        scale=net.scale,
        gamma=net.gamma,
        sgdr_cycle=net.sgdr_cycle or 0,
        sgdr_mult=net.sgdr_mult,
        learning_rate_min=net.learning_rate_min,
        seed=seed,
    )
    return Schedule(
        epochs=phase.epochs,
        policy=partial(policy.factor, batches=phase.net_batches(net)),
        burn_in=0.0,
        lr=net.learning_rate,
        momentum=net.B1 if net.adam else net.momentum,
        weight_decay=net.decay,
        accumulate=max(1, round(net.batch / phase.batch_size)),
    )
