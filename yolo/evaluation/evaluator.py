"""Collects the detections of a split and computes COCO's metrics. Knows no model and no loader."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from yolo import distributed
from yolo.evaluation.metrics.coco_metrics import CocoMetrics, compute_coco_metrics
from yolo.evaluation.metrics.flat_detections import FlatDetections

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from yolo.boxes.detections import Detections
    from yolo.data.index import Index


class Evaluator:
    """Collects detections: `reset` before a pass over the split, `process` each batch, `evaluate` at the end."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.reset()

    def reset(self) -> None:
        """Forget all detections."""
        self._is_processed = np.zeros(len(self._index), np.bool_)
        self._images: list[FlatDetections] = []

    def process(self, image_ids: Sequence[int], detections: Sequence[Detections]) -> None:
        """Add the detections of some images; each image may come only once.

        Args:
            image_ids: positions of the images in the index.
            detections: one per image, in pixels of the image, on any device.
        """
        for image_id, of_image in zip(image_ids, detections, strict=True):
            assert not self._is_processed[image_id], f"image {image_id} processed twice"
            self._is_processed[image_id] = True
            self._images.append(
                FlatDetections(
                    image_id=np.full(len(of_image), image_id, np.int64),
                    xyxy=of_image.xyxy.detach().cpu().double().numpy(),
                    score=of_image.score.detach().cpu().double().numpy(),
                    class_id=of_image.class_id.cpu().numpy(),
                )
            )

    def evaluate(self) -> CocoMetrics:
        """Compute the metrics over all processes; an image that none of them processed has no detections."""
        detections = self.gather_detections()
        return distributed.run_on_main_and_broadcast(lambda: compute_coco_metrics(self._index, detections))

    def gather_detections(self) -> FlatDetections:
        """Return the detections of all processes, on each of them, in the order of the images in the index."""
        empty = FlatDetections(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
        parts = [empty, *self._images]
        columns = {
            field.name: _all_gather(np.concatenate([getattr(part, field.name) for part in parts]))
            for field in fields(FlatDetections)
        }
        order = np.argsort(columns["image_id"], kind="stable")  # equal scores keep their order for any number of ranks
        return FlatDetections(**{name: column[order] for name, column in columns.items()})


def _all_gather(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return distributed.all_gather(torch.from_numpy(column)).numpy()
