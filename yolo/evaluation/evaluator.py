"""Collects what a model finds in a split and scores it. Knows no model and no loader."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from yolo import distributed
from yolo.evaluation.metrics.coco_metrics import CocoMetrics, coco_metrics
from yolo.evaluation.metrics.flat_detections import FlatDetections

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from yolo.boxes.detections import Detections
    from yolo.data.index import Index


class Evaluator:
    """Three verbs: `reset` before a pass over the split, `process` each batch, `evaluate` at the end."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.reset()

    def reset(self) -> None:
        """Forget what was processed."""
        self._seen = np.zeros(len(self._index), np.bool_)
        self._batches: list[FlatDetections] = []

    def process(self, image_ids: Sequence[int], detections: Sequence[Detections]) -> None:
        """Add what was found in some images; each image comes once.

        Args:
            image_ids: numbers of the images in the index.
            detections: one per image, in pixels of the image, on any device.
        """
        for image_id, found in zip(image_ids, detections, strict=True):
            assert not self._seen[image_id], f"image {image_id} processed twice"
            self._seen[image_id] = True
            self._batches.append(
                FlatDetections(
                    image_id=np.full(len(found), image_id, np.int64),
                    xyxy=found.xyxy.detach().cpu().double().numpy(),
                    score=found.score.detach().cpu().double().numpy(),
                    class_id=found.class_id.cpu().numpy(),
                )
            )

    def evaluate(self) -> CocoMetrics:
        """The metrics of what all processes processed; images that none did count as empty of detections."""
        found = self.found()
        return distributed.run_on_main_and_broadcast(lambda: coco_metrics(self._index, found))

    def found(self) -> FlatDetections:
        """What all processes found, image by image in the order of the index, on each of them."""
        empty = FlatDetections(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
        batches = [empty, *self._batches]
        columns = {
            field.name: _gather(np.concatenate([getattr(batch, field.name) for batch in batches]))
            for field in fields(FlatDetections)
        }
        order = np.argsort(columns["image_id"], kind="stable")  # equal scores keep their order for any number of ranks
        return FlatDetections(**{name: column[order] for name, column in columns.items()})


def _gather(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return distributed.all_gather(torch.from_numpy(column)).numpy()
