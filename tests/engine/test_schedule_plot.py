from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from yolo.engine.lr_policies import linear
from yolo.engine.schedule import Schedule
from yolo.engine.schedule_plot import plot_schedule


@pytest.mark.parametrize("burn_in", [0.0, 2.0])
def test_a_falling_rate_is_drawn_as_a_falling_curve(tmp_path: Path, burn_in: float) -> None:
    schedule = Schedule(
        epochs=10,
        policy=lambda progress: linear(progress, floor=0.1),
        burn_in=burn_in,
        lr=0.01,
        momentum=0.9,
        weight_decay=0.0,
        accumulate=1,
    )
    plot_schedule(schedule, tmp_path / "schedule.png")
    image = cv2.imread(str(tmp_path / "schedule.png"))
    assert image is not None
    assert image.shape == (320, 1100, 3)
    blue = np.abs(image[:, :366].astype(int) - (168, 95, 31)).sum(axis=2) < 40  # curve of the weights
    rows, columns = np.nonzero(blue)
    middle, end = rows[np.abs(columns - 200) < 3].mean(), rows[columns > columns.max() - 3].mean()
    assert end > middle + 50  # the curve ends lower in the image
