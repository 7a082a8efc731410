"""Settings of the learning rate schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from yolo.errors import SettingsError, require

PolicyName = Literal[
    "cosine", "linear", "steps", "step", "polynomial", "exponential", "sigmoid", "constant", "sgdr", "cfg"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """Learning rate over the run, and its burn-in."""

    schedule: PolicyName = "cosine"
    """Shape of the learning rate; cfg: as the cfg's [net] says, with its momentum and decay."""
    lrf: float = 0.05
    """Learning rate at the end, as a fraction of lr0 (not: steps, step, constant, cfg)."""
    lr_min: float = 0.0
    """Minimum learning rate after burn-in (not: cfg)."""
    lr_steps: tuple[float, ...] = (0.8, 0.9)
    """steps: shares of the run at which the learning rate drops."""
    lr_scales: tuple[float, ...] = (0.1, 0.1)
    """steps: factor of each drop."""
    lr_step: float = 0.25
    """step: share of the run between two drops of the learning rate."""
    lr_scale: float = 0.5
    """step: factor of each drop."""
    lr_power: float = 4.0
    """polynomial: its power."""
    lr_steepness: float = 10.0
    """sigmoid: its steepness in the middle; 0 would be a line."""
    lr_restarts: int = 2
    """sgdr: number of restarts of the cosine."""
    lr_cycle_mult: float = 2.0
    """sgdr: length of each cycle relative to the one before."""
    burn_in_epochs: float | None = None
    """Length of burn-in in epochs; default: max(3 epochs, 500 batches), at most burn_in_share."""
    burn_in_batches: int | None = None
    """Length of burn-in in batches, instead of epochs."""
    burn_in_share: float = 0.1
    """Maximum share of the run that the default burn-in takes."""
    objectness_ramp: bool = False
    """During burn-in, move the objectness target from 1 to the IoU of the prediction."""
    scale_lr: bool = False
    """Multiply lr0 by (images per optimizer step) / nominal_batch_size."""
    cfg_batches: bool = False
    """With schedule cfg: take batch, subdivisions and max_batches from [net], instead of batch_size and epochs."""
    plot_schedule: bool = False
    """Plot learning rate and momentum over the run as schedule.png in the run folder before training."""

    def __post_init__(self) -> None:
        require("--lrf", self.lrf, 0 <= self.lrf <= 1, "a share between 0 and 1")
        if self.lrf == 0 and self.schedule == "exponential":
            raise SettingsError(
                f"--lrf {self.lrf}: use more than 0 with the schedule exponential, which never reaches 0"
            )
        require("--lr-min", self.lr_min, self.lr_min >= 0, "0 or more")
        rising = all(0 <= share <= 1 for share in self.lr_steps) and list(self.lr_steps) == sorted(self.lr_steps)
        require("--lr-steps", self.lr_steps, rising, "rising shares of the run between 0 and 1")
        if len(self.lr_steps) != len(self.lr_scales):
            raise SettingsError(f"--lr-scales {self.lr_scales}: use one for each of --lr-steps {self.lr_steps}")
        require("--lr-step", self.lr_step, 0 < self.lr_step <= 1, "a share above 0, up to 1")
        require("--lr-scale", self.lr_scale, self.lr_scale > 0, "a number above 0")
        require("--lr-power", self.lr_power, self.lr_power > 0, "a number above 0")
        require("--lr-steepness", self.lr_steepness, self.lr_steepness > 0, "a number above 0")
        require("--lr-cycle-mult", self.lr_cycle_mult, self.lr_cycle_mult > 0, "a number above 0")
        require("--lr-restarts", self.lr_restarts, self.lr_restarts >= 0, "0 or more")
        require("--burn-in-share", self.burn_in_share, 0 <= self.burn_in_share <= 1, "a share between 0 and 1")
        batches = self.burn_in_batches
        require("--burn-in-batches", batches, batches is None or batches >= 0, "0 or more")
        if batches is not None and self.burn_in_epochs is not None:
            raise SettingsError(f"--burn-in-batches {batches}: use either this or --burn-in-epochs")
        if self.cfg_batches and self.schedule != "cfg":
            raise SettingsError("--cfg-batches True: use it with --schedule cfg")

    def check_length(self, epochs: int) -> None:
        """Raise a `SettingsError` if burn-in is longer than the run."""
        length = self.burn_in_epochs
        require("--burn-in-epochs", length, length is None or 0 <= length <= epochs, f"0 to {epochs}, the run's epochs")
