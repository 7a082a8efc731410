"""Pictures through a model: raw outputs, boxes, suppression, back to the pictures' own pixels."""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from yolo.log import progress
from yolo.ops.nms import Detections, non_max_suppression

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from yolo.data.sample import Batch
    from yolo.evaluation.coco import CocoMetrics
    from yolo.evaluation.evaluator import Evaluator
    from yolo.model import Darknet


def to_input(images: Tensor, device: torch.device, size: tuple[int, int] | None = None) -> Tensor:
    """Pictures as the network takes them.

    Args:
        images: (B, 3, H, W) uint8.
        device: where the network is.
        size: (height, width) to resize to, on the device; None: H and W.

    Returns:
        (B, 3, height, width) float32 in 0..1, on the device, channels last (faster convolutions).
    """
    moved = images.to(device, non_blocking=True)
    pixels = moved.to(memory_format=torch.channels_last).float() / 255
    if size is None or size == pixels.shape[2:]:
        return pixels
    return F.interpolate(pixels, size, mode="bilinear", antialias=size[0] < pixels.shape[2])


class Detector:
    """A model that answers with detections in the pictures' own pixels.

    Args:
        model: put in eval mode by whoever owns it.
        score_threshold: least score (objectness times class probability).
        iou_threshold: of two boxes of a class that overlap more than this, the lower score goes.
        max_detections: most detections a picture; COCO counts 100.
    """

    def __init__(
        self, model: Darknet, *, score_threshold: float, iou_threshold: float, max_detections: int = 100
    ) -> None:
        self.model = model
        self.device = next(model.parameters()).device
        self.score_threshold = score_threshold
        self.iou_threshold = iou_threshold
        self.max_detections = max_detections

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> list[Detections]:
        """Detections of each picture of the batch, which must say how its pictures lie in the input."""
        images = to_input(batch.images, self.device, batch.input_size)
        size = (images.shape[2], images.shape[3])
        found = non_max_suppression(
            self.model.decode(self.model(images), size),
            score_threshold=self.score_threshold,
            iou_threshold=self.iou_threshold,
            max_detections=self.max_detections,
        )
        return [
            Detections(letterbox.to_picture(detections.xyxy), detections.score, detections.class_id)
            for letterbox, detections in zip(batch.letterboxes, found, strict=True)
        ]


def evaluate(
    detector: Detector, batches: Iterable[Batch], evaluator: Evaluator, title: str, batch_size: int = 1
) -> CocoMetrics:
    """Score a detector on a split, with a progress bar.

    Args:
        detector: what is scored; its model is left in the mode that it was in.
        batches: the split, each picture once; of many processes, this one's part.
        evaluator: knows the split's truth.
        title: of the bar.
        batch_size: smaller batches are filled up to so many pictures, since convolutions round by the size of a batch:
            the scores are then the same to the last digit for any number of processes.
    """
    model = detector.model
    was_training = model.training
    model.eval()
    evaluator.reset()
    total = len(batches) if isinstance(batches, Sized) else None
    for batch in progress(batches, desc=title, total=total, unit="batch"):
        found = detector(batch.filled(batch_size))
        evaluator.process(batch.image_ids, found[: len(batch)])
    model.train(was_training)
    return evaluator.evaluate()
