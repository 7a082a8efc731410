"""The optimizer that suits the length of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolo.config.train_settings import TrainSettings

MAX_MUON_IMAGES = 160_000  # seen in training; longer runs were only tried with SGD


def choose_optimizer(settings: TrainSettings, num_images: int) -> TrainSettings:
    """Return the settings with the name of an optimizer in place of `auto`.

    Short runs use Muon, unless a learning rate or Darknet's schedule is given: these are meant for SGD.

    Args:
        settings: of the run, with its final number of epochs.
        num_images: of the training split.
    """
    optimization = settings.optimization
    if optimization.optimizer != "auto":
        return settings
    is_short = settings.epochs * num_images <= MAX_MUON_IMAGES
    is_for_sgd = optimization.lr0 or settings.freezing.freeze_lr0 or settings.schedule.schedule == "cfg"
    chosen = "muon" if is_short and not is_for_sgd else "sgd"
    return replace(settings, optimization=replace(optimization, optimizer=chosen))
