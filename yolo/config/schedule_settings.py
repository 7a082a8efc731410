"""Settings of the learning rate schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from yolo.errors import require

PolicyName = Literal[
    "cosine", "linear", "steps", "step", "polynomial", "exponential", "sigmoid", "constant", "sgdr", "cfg"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """Learning rate over the run, and its burn-in."""

    schedule: PolicyName = "cosine"
    """How the learning rate falls; cfg: as the cfg's [net] says, with its momentum and decay."""
    lrf: float = 0.05
    """Learning rate at the end, as a fraction of lr0 (not: steps, step, constant, cfg)."""
    lr_min: float = 0.0
    """After burn-in the learning rate is never below this (not: cfg)."""
    lr_steps: tuple[float, ...] = (0.8, 0.9)
    """steps: shares of the run at which the learning rate drops."""
    lr_scales: tuple[float, ...] = (0.1, 0.1)
    """steps: by which factor at each."""
    lr_step: float = 0.25
    """step: the learning rate drops each time that this share of the run has passed."""
    lr_scale: float = 0.5
    """step: by this factor."""
    lr_power: float = 4.0
    """polynomial: its power."""
    lr_steepness: float = 10.0
    """sigmoid: how steep it is in the middle; 0 would be a line."""
    lr_restarts: int = 2
    """sgdr: how often the cosine starts again."""
    lr_cycle_mult: float = 2.0
    """sgdr: how much longer each cycle is than the one before."""
    burn_in_epochs: float | None = None
    """Length of burn-in in epochs; default: max(3 epochs, 500 batches), within burn_in_share."""
    burn_in_batches: int | None = None
    """Length of burn-in in batches, instead."""
    burn_in_share: float = 0.1
    """The default burn-in is no longer than this share of the run."""
    objectness_ramp: bool = False
    """In burn-in, raise the target of objectness from 1 to the overlap that the prediction reaches."""
    scale_lr: bool = False
    """Multiply lr0 by (images an optimizer step) / nominal_batch_size."""
    cfg_batches: bool = False
    """With schedule cfg: take batch, subdivisions and max_batches from [net], instead of batch_size and epochs."""
    plot_schedule: bool = False
    """Draw learning rate and momentum over the run, as schedule.png in the run's folder, before it starts."""


def check_schedule(policy: ScheduleSettings, epochs: int) -> None:
    """Raise a `SettingsError` for a schedule that cannot be followed."""
    require("--lrf", policy.lrf, 0 <= policy.lrf <= 1, "a share between 0 and 1")
    above = policy.lrf > 0 or policy.schedule != "exponential"
    require("--lrf", policy.lrf, above, "more than 0 with the schedule exponential, which never reaches 0")
    require("--lr-min", policy.lr_min, policy.lr_min >= 0, "0 or more")
    rising = all(0 <= share <= 1 for share in policy.lr_steps) and list(policy.lr_steps) == sorted(policy.lr_steps)
    require("--lr-steps", policy.lr_steps, rising, "rising shares of the run between 0 and 1")
    alike = len(policy.lr_steps) == len(policy.lr_scales)
    require("--lr-scales", policy.lr_scales, alike, f"one for each of --lr-steps {policy.lr_steps}")
    require("--lr-step", policy.lr_step, 0 < policy.lr_step <= 1, "a share above 0, up to 1")
    for name in ("lr_scale", "lr_power", "lr_steepness", "lr_cycle_mult"):
        value = getattr(policy, name)
        require(f"--{name.replace('_', '-')}", value, value > 0, "a number above 0")
    require("--lr-restarts", policy.lr_restarts, policy.lr_restarts >= 0, "0 or more")
    length = policy.burn_in_epochs
    require("--burn-in-epochs", length, length is None or 0 <= length <= epochs, f"0 to {epochs}, the run's epochs")
    batches = policy.burn_in_batches
    require("--burn-in-batches", batches, batches is None or batches >= 0, "0 or more")
    once = length is None or batches is None
    require("--burn-in-batches", batches, once, "either this or --burn-in-epochs")
    share = policy.burn_in_share
    require("--burn-in-share", share, 0 <= share <= 1, "a share between 0 and 1")
    allowed = policy.schedule == "cfg" or not policy.cfg_batches
    require("--cfg-batches", policy.cfg_batches, allowed, "it with --schedule cfg")
