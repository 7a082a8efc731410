"""Settings of the learning rate schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from yolo.errors import SettingsError, require, require_ranges

PolicyName = Literal[
    "cosine", "linear", "steps", "step", "polynomial", "exponential", "sigmoid", "constant", "sgdr", "cfg"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """Learning rate over the run, and its burn-in."""

    schedule: PolicyName = "cosine"
    """Learning rate policy; cfg: that of the cfg's [net], with its momentum and weight decay."""
    lrf: float = 0.05
    """Final learning rate, as a fraction of lr0 (ignored by steps, step, constant and cfg)."""
    lr_min: float = 0.0
    """Minimum learning rate after burn-in (ignored by cfg)."""
    lr_steps: tuple[float, ...] = (0.8, 0.9)
    """steps: fractions of training after which the learning rate drops."""
    lr_scales: tuple[float, ...] = (0.1, 0.1)
    """steps: factor of each drop, one for each of lr_steps."""
    lr_step_size: float = 0.25
    """step: fraction of training between two drops of the learning rate."""
    lr_gamma: float = 0.5
    """step: factor of each drop."""
    lr_power: float = 4.0
    """polynomial: exponent of the decay; 1 is linear."""
    lr_steepness: float = 10.0
    """sigmoid: slope of the decay in the middle of training; towards 0 it becomes linear."""
    lr_restarts: int = 2
    """sgdr: number of restarts of the cosine."""
    lr_cycle_mult: float = 2.0
    """sgdr: length of each cycle relative to the one before."""
    burn_in_epochs: float | None = None
    """Length of burn-in in epochs; default: max(3 epochs, 500 batches), at most burn_in_fraction."""
    burn_in_batches: int | None = None
    """Length of burn-in in batches, instead of epochs."""
    burn_in_fraction: float = 0.1
    """Maximum length of the default burn-in, as a fraction of training."""
    objectness_ramp: bool = False
    """During burn-in, move the objectness target from 1 to the IoU of the prediction."""
    scale_lr: bool = False
    """Multiply lr0 by (images per optimizer step) / nominal_batch_size."""
    cfg_batches: bool = False
    """With schedule cfg: take batch, subdivisions and max_batches from [net], instead of batch_size and epochs."""
    plot_schedule: bool = False
    """Plot learning rate and momentum over the run as schedule.png in the run folder before training."""

    def __post_init__(self) -> None:
        require("--lrf", self.lrf, 0 <= self.lrf <= 1, "a fraction between 0 and 1")
        if self.lrf == 0 and self.schedule == "exponential":
            raise SettingsError(
                f"--lrf {self.lrf}: use more than 0 with the schedule exponential, which never reaches 0"
            )
        require("--lr-min", self.lr_min, self.lr_min >= 0, "0 or more")
        rising = all(0 <= fraction <= 1 for fraction in self.lr_steps) and list(self.lr_steps) == sorted(self.lr_steps)
        require("--lr-steps", self.lr_steps, rising, "fractions of training between 0 and 1, in ascending order")
        if len(self.lr_steps) != len(self.lr_scales):
            raise SettingsError(
                f"--lr-scales has {len(self.lr_scales)} values, but --lr-steps has {len(self.lr_steps)}; "
                "give one scale for each step"
            )
        require("--lr-step-size", self.lr_step_size, 0 < self.lr_step_size <= 1, "a fraction above 0, up to 1")
        require("--lr-gamma", self.lr_gamma, self.lr_gamma > 0, "a number above 0")
        require("--lr-power", self.lr_power, self.lr_power > 0, "a number above 0")
        require("--lr-steepness", self.lr_steepness, self.lr_steepness > 0, "a number above 0")
        require("--lr-cycle-mult", self.lr_cycle_mult, self.lr_cycle_mult > 0, "a number above 0")
        require("--lr-restarts", self.lr_restarts, self.lr_restarts >= 0, "0 or more")
        require(
            "--burn-in-fraction", self.burn_in_fraction, 0 <= self.burn_in_fraction <= 1, "a fraction between 0 and 1"
        )
        require_ranges(self, lr_scales=(0, 1e6), lr_gamma=(0, 10), lr_power=(0, 100), lr_steepness=(0, 100))
        require_ranges(self, lr_restarts=(0, 100), lr_cycle_mult=(0, 100), burn_in_batches=(0, 1e9), lr_min=(0, 1e9))
        batches = self.burn_in_batches
        require("--burn-in-batches", batches, batches is None or batches >= 0, "0 or more")
        if batches is not None and self.burn_in_epochs is not None:
            raise SettingsError(f"--burn-in-batches {batches}: use either this or --burn-in-epochs")
        if self.cfg_batches and self.schedule != "cfg":
            raise SettingsError("--cfg-batches requires --schedule cfg")

    def check_length(self, epochs: int) -> None:
        """Raise a `SettingsError` if burn-in is longer than the run."""
        length = self.burn_in_epochs
        require("--burn-in-epochs", length, length is None or 0 <= length <= epochs, f"0 to {epochs}, the epochs")
