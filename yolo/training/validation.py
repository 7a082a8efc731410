"""What a run minimises, and what it is judged by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolo.evaluation.collect_detections import collect_detections
from yolo.evaluation.evaluation_loader import build_evaluation_detector
from yolo.inference.detector import to_input
from yolo.model.network import Darknet

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from yolo.data.index import Index
    from yolo.data.loader import DetectionLoader
    from yolo.data.sample import Batch
    from yolo.evaluation.evaluator import Evaluator
    from yolo.evaluation.metrics.coco_metrics import CocoMetrics
    from yolo.losses.registry import Loss


@dataclass(frozen=True, slots=True)
class DetectionObjective:
    """Model and micro-batch -> loss terms: what the engine's trainer minimises."""

    loss: Loss
    device: torch.device

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        images = to_input(batch.images, self.device, batch.input_size)
        targets = batch.targets.to(self.device, non_blocking=True)
        return self.loss(model(images), targets, (images.shape[2], images.shape[3]))


@dataclass(slots=True)
class ValidationScore:
    """Model -> scores on the validation split, by name."""

    index: Index
    loader: DetectionLoader
    evaluator: Evaluator
    preview: DetectionLoader  # the first images of the split, prepared without workers, for who looks at them
    last: CocoMetrics | None = None  # what came of the model that was scored last

    def __call__(self, model: nn.Module) -> dict[str, float]:
        metrics = self.score(model, "validate")
        return metrics.scalars() | metrics.class_scalars()

    def score(self, model: nn.Module, title: str) -> CocoMetrics:
        """All metrics of a model, with a bar of this title."""
        assert isinstance(model, Darknet)
        detector = build_evaluation_detector(model)
        was_training = model.training
        model.eval()
        self.evaluator.reset()
        collect_detections(detector, self.loader, self.evaluator, title)
        model.train(was_training)
        self.last = self.evaluator.evaluate()
        return self.last


def fitness(record: dict[str, float]) -> float:
    """How good an epoch is: the mean of mAP50 and mAP50-95; minus infinity for one that was not scored."""
    scores = [record.get(f"metrics/{name}", -math.inf) for name in ("mAP50", "mAP50-95")]
    return sum(scores) / len(scores)
