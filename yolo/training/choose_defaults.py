"""Defaults that depend on the length of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolo.config.train_settings import TrainSettings

MAX_MUON_IMAGES = 160_000  # seen in training; longer runs were only tried with SGD
CLOSE_MOSAIC = 10  # epochs


def choose_defaults(settings: TrainSettings, num_images: int) -> TrainSettings:
    """Return the settings with an optimizer and a number of epochs without mosaics, if they leave these open.

    Short runs use Muon, unless a learning rate or Darknet's schedule is given: these are meant for SGD.

    Args:
        settings: of the run, with its final number of epochs.
        num_images: of the training split.
    """
    optimization, dataset = settings.optimization, settings.dataset
    if optimization.optimizer == "auto":
        is_short = settings.epochs * num_images <= MAX_MUON_IMAGES
        for_sgd = optimization.lr0 or settings.freezing.freeze_lr0 or settings.schedule.schedule == "cfg"
        optimization = replace(optimization, optimizer="muon" if is_short and not for_sgd else "sgd")
    if dataset.close_mosaic is None:
        dataset = replace(dataset, close_mosaic=min(CLOSE_MOSAIC, settings.epochs))
    return replace(settings, optimization=optimization, dataset=dataset)
