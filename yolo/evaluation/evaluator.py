"""Collects what a model finds in a split and scores it. Knows no model and no loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation.coco import CocoMetrics, coco_metrics
from yolo.evaluation.detections import FlatDetections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.data.index import Index
    from yolo.ops.nms import Detections


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
        """Add what was found in some pictures; each picture comes once.

        Args:
            image_ids: numbers of the pictures in the index.
            detections: one per picture, in pixels of the picture, on any device.
        """
        for image_id, found in zip(image_ids, detections, strict=True):
            assert not self._seen[image_id], f"picture {image_id} processed twice"
            self._seen[image_id] = True
            self._batches.append(
                FlatDetections(
                    image_id=np.full(len(found), image_id, np.int64),
                    xyxy=found.xyxy.detach().cpu().double().numpy(),
                    score=found.score.detach().cpu().double().numpy(),
                    class_id=found.class_id.cpu().numpy(),
                )
            )

    def detections(self) -> FlatDetections:
        """Everything processed, in the order that it came."""
        empty = FlatDetections(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
        batches = [empty, *self._batches]
        return FlatDetections(
            image_id=np.concatenate([batch.image_id for batch in batches]),
            xyxy=np.concatenate([batch.xyxy for batch in batches]),
            score=np.concatenate([batch.score for batch in batches]),
            class_id=np.concatenate([batch.class_id for batch in batches]),
        )

    def evaluate(self) -> CocoMetrics:
        """The metrics of everything processed; pictures that were not processed count as empty of detections."""
        return coco_metrics(self._index, self.detections())
