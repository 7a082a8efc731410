"""Settings of what a run writes, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from yolo.errors import SettingsError, require_ranges

LoggerName = Literal["none", "wandb", "mlflow"]

RUNS = "runs"  # folder of all runs, below the working directory


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The run folder and the loggers."""

    name: str = "train"
    """Name of the run folder below --project."""
    project: str = RUNS
    """Folder of all runs, or its URL (s3://, gs://, obs://): then the files of the run are uploaded as it goes."""
    resume: str = ""
    """Resume a run: its folder, its last.pt or its URL; without a value: the newest run below --project."""
    logger: LoggerName = "none"
    """Also log to wandb or mlflow; TensorBoard events and results.csv are always written."""
    preview_period: int = 10
    """Epochs between two logs of images: predictions on validation images, precision-recall curves; 0: none."""

    def __post_init__(self) -> None:
        require_ranges(self, preview_period=(0, 1e9))


@dataclass(frozen=True, kw_only=True)
class SavingSettings:
    """Validation, checkpoints, and early stop."""

    notest: bool = False
    """Validate only after the last epoch; no early stop."""
    patience: int = 100
    """Stop after this many epochs without a better one; 0: never."""
    nosave: bool = False
    """Write last.pt and best.pt only when the run ends; a killed run leaves neither."""
    save_period: int = 0
    """Also keep a checkpoint every so many epochs; 0: none."""
    checkpoint_minutes: float = 10.0
    """Also save last.pt within an epoch when the last save was this many minutes ago."""
    bucket: str = ""
    """Also copy the run folder to this folder or URL, in the background; empty: no copy."""

    def __post_init__(self) -> None:
        require_ranges(self, patience=(0, 1e9), save_period=(0, 1e9), checkpoint_minutes=(0, 1e9))
        if self.save_period and self.nosave:
            raise SettingsError(f"--save-period {self.save_period} with --nosave: use one of the two")
