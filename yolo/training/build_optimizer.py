"""From settings, and the cfg's [net] where it is asked for, to the schedule and the optimizer of a run."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from yolo.config.train_settings import FreezeSettings
from yolo.engine.darknet_policy import POLICIES, DarknetPolicy
from yolo.engine.lr_policies import build_policy
from yolo.engine.optimizer import build_optimizer
from yolo.engine.phases import PhasedSchedule
from yolo.engine.schedule import Schedule, accumulation, burn_in_epochs
from yolo.errors import SettingsError
from yolo.training.layer_lr import layer_schedules, log_layer_schedules, param_schedules

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.optim import Optimizer

    from yolo.config.train_settings import TrainSettings
    from yolo.darknet.net_section import NetSection
    from yolo.model.network import Darknet

logger = logging.getLogger(__name__)

SGD = ("sgd", "fusedsgd")
BURN_IN_BIAS_LR = 0.1  # of SGD; Adam's steps do not shrink with small gradients, so its biases start from 0


@dataclass(frozen=True, slots=True)
class RunLength:
    """How long a run is."""

    epochs: int
    batches: int  # micro-batches an epoch
    images: int  # images an epoch

    def net_batches(self, net: NetSection) -> float:
        """Length in batches of the size that [net] gives."""
        return self.epochs * self.images / net.batch


def follow_net(settings: TrainSettings, net: NetSection, num_images: int) -> TrainSettings:
    """The settings, with batch size and number of epochs from [net] where that is asked for.

    Raises:
        SettingsError: [net] does not say how long to train.
    """
    if not settings.policy.cfg_batches:
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
    """Images a batch in an epoch, counted from 0."""
    freezing = settings.freezing
    if freezing.freeze_batch_size and freezing.freeze_epochs and epoch < freezing.freeze_epochs:
        return freezing.freeze_batch_size
    return settings.images_per_batch


def build_phases(
    settings: TrainSettings, net: NetSection, images: int, batches_of: Callable[[int], int]
) -> Schedule | PhasedSchedule:
    """The schedule of a run; with a thaw one before and one after it, each from its own burn-in to its own end.

    Args:
        settings: of the run.
        net: the cfg's [net].
        images: images an epoch.
        batches_of: batch size -> batches an epoch.
    """

    def phase(own: TrainSettings) -> Schedule:
        return build_schedule(own, net, RunLength(own.epochs, batches_of(own.images_per_batch), images))

    thaw = settings.freezing.freeze_epochs
    if thaw is None:
        return phase(settings)
    frozen_lr = settings.freezing.freeze_lr0 or settings.optimization.lr
    first = _of_phase(settings, thaw, batch_size_at(settings, 0), frozen_lr)
    then = _of_phase(settings, settings.epochs - thaw, settings.images_per_batch, settings.optimization.lr)
    return PhasedSchedule(first=phase(first), then=replace(phase(then), burn_in_bias_lr=0.0))  # biases have learnt


def _of_phase(settings: TrainSettings, epochs: int, batch_size: int, lr0: float) -> TrainSettings:
    """The settings, as those of a run that is one phase alone."""
    burn_in = settings.policy.burn_in_epochs
    return replace(
        settings,
        epochs=epochs,
        batch_size=batch_size,
        close_mosaic=0,
        freezing=FreezeSettings(),
        optimization=replace(settings.optimization, lr0=lr0),
        policy=replace(settings.policy, burn_in_epochs=None if burn_in is None else min(burn_in, epochs)),
    )


def _phases(
    schedule: Schedule | PhasedSchedule, settings: TrainSettings, batches_of: Callable[[int], int]
) -> list[tuple[Schedule, int]]:
    """Each phase's schedule, and its batches an epoch."""
    if isinstance(schedule, Schedule):
        return [(schedule, batches_of(settings.images_per_batch))]
    before = batches_of(batch_size_at(settings, 0))
    return [(schedule.first, before), (schedule.then, batches_of(settings.images_per_batch))]


def num_steps(schedule: Schedule | PhasedSchedule, settings: TrainSettings, batches_of: Callable[[int], int]) -> int:
    """Optimizer steps of the whole run, those of burn-in counted like the others."""
    phases = _phases(schedule, settings, batches_of)
    return sum(phase.epochs * math.ceil(batches / phase.accumulate) for phase, batches in phases)


def accumulates_never(schedule: Schedule | PhasedSchedule) -> bool:
    """Whether every optimizer step is of one batch."""
    phases = (schedule,) if isinstance(schedule, Schedule) else (schedule.first, schedule.then)
    return all(phase.accumulate == 1 for phase in phases)


def describe_phases(
    schedule: Schedule | PhasedSchedule, settings: TrainSettings, batches_of: Callable[[int], int]
) -> str:
    """Length, batches and burn-in of each phase, for people."""
    return ", then ".join(
        f"{phase.epochs} epochs of {batches} batches, {phase.accumulate} a step, "
        f"schedule {settings.policy.schedule}, burn-in {phase.burn_in:.1f} epochs"
        for phase, batches in _phases(schedule, settings, batches_of)
    )


def build_schedule(settings: TrainSettings, net: NetSection, length: RunLength) -> Schedule:
    """The schedule of a run, fitted to its length."""
    if settings.policy.schedule == "cfg":
        return _net_schedule(settings, net, length)
    chosen = settings.optimization
    accumulate = accumulation(
        settings.images_per_batch, chosen.nominal_batch_size, length.epochs * length.batches, chosen.min_steps
    )
    share_of_nominal = settings.images_per_batch * accumulate / chosen.nominal_batch_size
    return Schedule(
        epochs=length.epochs,
        policy=build_policy(settings.policy),
        burn_in=_burn_in(settings, length),
        lr=chosen.lr * (share_of_nominal if settings.policy.scale_lr else 1.0),
        lr_min=settings.policy.lr_min,
        momentum=chosen.momentum,
        weight_decay=chosen.weight_decay * share_of_nominal,
        burn_in_bias_lr=BURN_IN_BIAS_LR if chosen.optimizer.lower() in SGD else 0.0,
        accumulate=accumulate,
        objectness_ramp=settings.policy.objectness_ramp,
    )


def _burn_in(settings: TrainSettings, length: RunLength) -> float:
    policy = settings.policy
    if policy.burn_in_batches is not None:
        burn_in = policy.burn_in_batches / length.batches
        if burn_in > length.epochs:
            raise SettingsError(
                f"--burn-in-batches {policy.burn_in_batches}: the run has {length.epochs * length.batches}; use fewer"
            )
        return burn_in
    if policy.burn_in_epochs is not None:
        return policy.burn_in_epochs
    return burn_in_epochs(length.epochs, length.batches, policy.burn_in_share)


def _net_schedule(settings: TrainSettings, net: NetSection, length: RunLength) -> Schedule:
    """Darknet's: its rates by its own count of batches, and no ramp of anything else."""
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
        seed=settings.seed,
    )
    return Schedule(
        epochs=length.epochs,
        policy=partial(policy.factor, batches=length.net_batches(net)),
        burn_in=0.0,
        lr=net.learning_rate,
        momentum=net.B1 if net.adam else net.momentum,
        weight_decay=net.decay,
        accumulate=max(1, round(net.batch / settings.images_per_batch)),
    )


def prepare_optimizer(
    settings: TrainSettings, model: Darknet, schedule: Schedule | PhasedSchedule, images: int
) -> Optimizer:
    """The optimizer of a run of so many images an epoch, with the cfg's layer-wise keys."""
    net = model.net
    chosen = settings.optimization
    name = chosen.optimizer
    arguments: dict[str, Any] = {**chosen.optimizer_args}
    if settings.policy.schedule == "cfg" and net.adam:
        name, arguments = "adam", {"betas": (net.B1, net.B2), "eps": net.eps, **arguments}
    elif settings.policy.schedule == "cfg" and name.lower() in SGD:
        arguments = {"nesterov": False, **arguments}

    def epochs_of(net_batches: float) -> float:
        """Counted in burn-ins where this run has one of its own: of a run that is shorter, they are a like part."""
        if schedule.burn_in and net.burn_in:
            return net_batches / net.burn_in * schedule.burn_in
        return net_batches * net.batch / images

    log_layer_schedules(model, layer_schedules(model, epochs_of), schedule.epochs)
    return build_optimizer(
        model,
        name,
        lr=chosen.lr,
        momentum=schedule.momentum,
        weight_decay=chosen.weight_decay,
        arguments=arguments,
        schedules=param_schedules(model, epochs_of),
    )
