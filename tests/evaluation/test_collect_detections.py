from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from tests.evaluation.splits import image_record
from yolo.boxes.detections import Detections
from yolo.data.index import Index
from yolo.data.sample import Batch, Letterbox
from yolo.evaluation.collect_detections import collect_detections
from yolo.evaluation.evaluator import Evaluator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolo.model.network import Darknet


class ThreeImages:
    """A loader with a full batch of two images and a last batch of one."""

    batch_size = 2

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[Batch]:
        for image_ids in ((0, 1), (2,)):
            letterboxes = tuple(Letterbox(1, 1, 0, 0, 200, 200) for _ in image_ids)
            images = torch.zeros(len(image_ids), 3, 8, 8, dtype=torch.uint8)
            yield Batch(images, torch.zeros(0, 6), image_ids, letterboxes)


class OneBoxPerImage:
    """A detector that records the sizes of its batches."""

    model: Darknet

    def __init__(self) -> None:
        self.batch_sizes: list[int] = []

    def __call__(self, batch: Batch) -> list[Detections]:
        self.batch_sizes.append(len(batch))
        box = Detections(torch.tensor([[0.0, 0.0, 10.0, 10.0]]), torch.tensor([0.5]), torch.tensor([0]))
        return [box] * len(batch)


def test_last_batch_is_padded_and_padding_is_not_evaluated() -> None:
    evaluator, detector = Evaluator(Index.from_records(["a"], [image_record([], [])] * 3)), OneBoxPerImage()
    ends: list[int] = []
    num_images = collect_detections(
        detector, ThreeImages(), evaluator, "val", lambda: ends.append(len(detector.batch_sizes))
    )
    assert num_images == 3
    assert detector.batch_sizes == [2, 2]
    assert ends == [1, 2]
    np.testing.assert_array_equal(evaluator.gather_detections().image_id, [0, 1, 2])
