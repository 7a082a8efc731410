from __future__ import annotations

import pytest

from yolo.config.optimizer_settings import OptimizerSettings
from yolo.config.schedule_settings import ScheduleSettings
from yolo.config.train_settings import FreezeSettings, TrainSettings
from yolo.training.choose_optimizer import choose_optimizer


@pytest.mark.parametrize(
    ("settings", "num_images", "optimizer", "lr"),
    [
        (TrainSettings(epochs=10), 16_000, "muon", 0.06),
        (TrainSettings(epochs=10), 16_001, "sgd", 0.01),
        (TrainSettings(epochs=10, optimization=OptimizerSettings(lr0=0.002)), 100, "sgd", 0.002),
        (TrainSettings(epochs=10, optimization=OptimizerSettings(optimizer="adamw")), 100, "adamw", 0.001),
        (TrainSettings(epochs=10, optimization=OptimizerSettings(optimizer="muon")), 100_000, "muon", 0.06),
        (TrainSettings(epochs=10, schedule=ScheduleSettings(schedule="cfg")), 100, "sgd", 0.01),
        (
            TrainSettings(epochs=10, freezing=FreezeSettings(freeze="2", freeze_epochs=1, freeze_lr0=0.01)),
            *(100, "sgd", 0.01),
        ),
    ],
)
def test_optimizer_follows_the_length_of_the_run(
    settings: TrainSettings, num_images: int, optimizer: str, lr: float
) -> None:
    chosen = choose_optimizer(settings, num_images).optimization
    assert (chosen.optimizer, chosen.lr) == (optimizer, lr)
