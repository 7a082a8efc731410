"""`python -m yolo.train`: train a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo import distributed
from yolo.config.program import run_program
from yolo.training.read_settings import read_train_settings
from yolo.training.run import run_training
from yolo.tuning.evolve import evolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.config.train_settings import TrainSettings


def main(arguments: Sequence[str]) -> int:
    """Read the command line, train, and report."""
    return distributed.start("yolo.train", arguments, read_train_settings, train)


def train(settings: TrainSettings) -> None:
    """Train once, or search for hyper-parameters."""
    if settings.search.evolve:
        evolve(settings)
    else:
        run_training(settings)


if __name__ == "__main__":
    raise SystemExit(run_program(main))
