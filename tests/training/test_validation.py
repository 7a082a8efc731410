from __future__ import annotations

import math

import pytest

from yolo.training.validation import fitness


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ({"metrics/mAP50": 0.8, "metrics/mAP50-95": 0.4, "metrics/precision": 1.0}, 0.6),
        ({"train/box": 1.0}, -math.inf),  # an epoch without validation is never the best
    ],
)
def test_fitness_is_the_mean_of_map50_and_map50_95(record: dict[str, float], value: float) -> None:
    assert fitness(record) == pytest.approx(value)
