"""Validation of a model during training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.evaluation.collect_detections import collect_detections
from yolo.evaluation.evaluation_loader import build_evaluation_detector, build_tiled_detector
from yolo.evaluation.mean_loss_detector import MeanLossDetector
from yolo.model.network import Darknet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from yolo.data.index import Index
    from yolo.data.loader import DetectionLoader
    from yolo.evaluation.collect_detections import BatchDetector
    from yolo.evaluation.evaluator import Evaluator
    from yolo.evaluation.metrics.coco_metrics import CocoMetrics
    from yolo.inference.detector import Detector
    from yolo.losses.registry import Loss


@dataclass(slots=True)
class Validation:
    """Scores a model on the validation split.

    Attributes:
        index: the split.
        loader: its batches, the part that this process reads.
        evaluator: computes the metrics.
        loss: of the training.
        preview: the whole split, loaded without workers, for images of predictions.
        tiled: the batches hold the tiles of whole images.
        last: the metrics of the model that was scored last.
    """

    index: Index
    loader: DetectionLoader
    evaluator: Evaluator
    loss: Loss
    preview: DetectionLoader
    tiled: bool = False
    last: CocoMetrics | None = None

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Return the loss terms and the scores by name, from one pass over the split; with tiles only the scores."""
        assert isinstance(model, Darknet)
        detector = build_evaluation_detector(model)
        if self.tiled:
            metrics = self._score(self.with_tiles(detector), "validate")
            return metrics.scalars() | metrics.class_scalars()
        loss_detector = MeanLossDetector(detector, self.loss)
        metrics = self._score(loss_detector, "validate")
        losses = {f"val/{name}": mean for name, mean in loss_detector.mean_losses().items()}
        return losses | metrics.scalars() | metrics.class_scalars()

    def score(self, model: nn.Module, title: str) -> CocoMetrics:
        """Return all metrics of a model, with a progress bar of this title."""
        assert isinstance(model, Darknet)
        return self._score(self.with_tiles(build_evaluation_detector(model)), title)

    def _score(self, detector: BatchDetector, title: str) -> CocoMetrics:
        was_training = detector.model.training
        detector.model.eval()
        self.evaluator.reset()
        collect_detections(detector, self.loader, self.evaluator, title)
        detector.model.train(was_training)
        self.last = self.evaluator.evaluate()
        return self.last

    def with_tiles(self, detector: Detector) -> BatchDetector:
        """Return the detector for the batches: one that merges the detections of tiles, if there are tiles."""
        return build_tiled_detector(detector) if self.tiled else detector


def fitness(record: Mapping[str, float]) -> float:
    """Return how good an epoch is: the mean of mAP50 and mAP50-95; minus infinity if it was not validated."""
    scores = [record.get(f"metrics/{name}", -math.inf) for name in ("mAP50", "mAP50-95")]
    return sum(scores) / len(scores)
