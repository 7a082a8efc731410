"""Validation of a model during training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.evaluation.collect_detections import collect_detections
from yolo.evaluation.evaluation_loader import build_evaluation_detector
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
        last: the metrics of the model that was scored last.
    """

    index: Index
    loader: DetectionLoader
    evaluator: Evaluator
    loss: Loss
    preview: DetectionLoader
    last: CocoMetrics | None = None

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Return the loss terms and the scores by name; both come from one pass over the split."""
        assert isinstance(model, Darknet)
        detector = MeanLossDetector(build_evaluation_detector(model), self.loss)
        metrics = self._score(detector, "validate")
        losses = {f"val/{name}": mean for name, mean in detector.mean_losses().items()}
        return losses | metrics.scalars() | metrics.class_scalars()

    def score(self, model: nn.Module, title: str) -> CocoMetrics:
        """Return all metrics of a model, with a progress bar of this title."""
        assert isinstance(model, Darknet)
        return self._score(build_evaluation_detector(model), title)

    def _score(self, detector: BatchDetector, title: str) -> CocoMetrics:
        was_training = detector.model.training
        detector.model.eval()
        self.evaluator.reset()
        collect_detections(detector, self.loader, self.evaluator, title)
        detector.model.train(was_training)
        self.last = self.evaluator.evaluate()
        return self.last


def fitness(record: Mapping[str, float]) -> float:
    """Return how good an epoch is: the mean of mAP50 and mAP50-95; minus infinity if it was not validated."""
    scores = [record.get(f"metrics/{name}", -math.inf) for name in ("mAP50", "mAP50-95")]
    return sum(scores) / len(scores)
