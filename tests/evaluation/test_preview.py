from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tests.data.painting import index_of, paint
from yolo.boxes.detections import Detections
from yolo.data.sample import IGNORE, Batch
from yolo.evaluation.preview import draw_batch, draw_predictions
from yolo.visualization.drawing import NO_CLASS, class_colour


def test_ignored_region_is_grey_in_a_batch() -> None:
    targets = torch.tensor([[0, IGNORE, 0.5, 0.5, 0.5, 0.5], [0, 1, 0.2, 0.9, 0.1, 0.1]])
    image = draw_batch(Batch(torch.zeros(1, 3, 100, 100, dtype=torch.uint8), targets, (0,), ()), ["a", "b"])
    assert tuple(image[60, 25]) == NO_CLASS  # left side of the region
    assert tuple(image[90, 15]) == class_colour(1)


def test_ignored_region_is_grey_beside_detections(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((100, 80), [(10, 40, 60, 70)])], ignore=[[True]])
    batch = Batch(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(0, 6), (0,), ())

    class NoDetections:
        def __call__(self, batch: Batch) -> list[Detections]:
            return [Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64))] * len(batch)

    sheet = draw_predictions(NoDetections(), index, [batch], 1)  # type: ignore[arg-type]
    assert (sheet == np.array(NO_CLASS)).all(axis=-1).sum() > 100
    assert not (sheet == np.array(class_colour(0))).all(axis=-1).any()
