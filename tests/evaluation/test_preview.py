from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from tests.data.painting import index_of, paint
from yolo.boxes.detections import Detections
from yolo.data.sample import IGNORE, Batch
from yolo.evaluation.preview import draw_batch, draw_gt_and_detections, draw_predictions
from yolo.visualization.drawing import MARK, NO_CLASS, class_colour

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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


def test_marked_boxes_of_both_sides(tmp_path: Path) -> None:
    index = index_of(tmp_path, [paint((100, 80), [(10, 20, 30, 40), (50, 20, 90, 60)])])

    def marked_pixels(**marks: Mapping[int, str]) -> tuple[int, int]:
        boxes_xyxy = np.array([[50.0, 20, 90, 60]])
        sheet = draw_gt_and_detections(index, 0, boxes_xyxy, [0.9], [1], **marks)
        is_marked = (sheet == np.array(MARK)).all(axis=-1)
        return int(is_marked[:, :100].sum()), int(is_marked[:, 102:].sum())

    assert marked_pixels() == (0, 0)
    left, right = marked_pixels(marked_gt={0: "spurious"})
    assert (left > 50, right) == (True, 0)
    left, right = marked_pixels(marked={0: "missing"})
    assert (left, right > 50) == (0, True)
