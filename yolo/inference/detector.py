"""Images through a model: raw outputs, boxes, suppression, back to the images' own pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from yolo.boxes.detections import Detections, Predictions
from yolo.boxes.nms import non_max_suppression
from yolo.boxes.nms_methods import GREEDY, NmsMethod
from yolo.data.collate import collate
from yolo.data.dataset import Item
from yolo.data.sample import Batch, Sample
from yolo.data.transforms import letterbox
from yolo.devices import fast_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from torch import Tensor

    from yolo.model.network import Darknet


def to_input(images: Tensor, device: torch.device, size: tuple[int, int] | None = None) -> Tensor:
    """Images as the network takes them.

    Args:
        images: (B, 3, H, W) uint8.
        device: where the network is.
        size: (height, width) to resize to, on the device; None: H and W.

    Returns:
        (B, 3, height, width) float32 in 0..1, on the device, in its `fast_layout`.
    """
    moved = images.to(device, non_blocking=True)
    pixels = moved.to(memory_format=fast_layout(device)).float() / 255
    if size is None or size == pixels.shape[2:]:
        return pixels
    return F.interpolate(pixels, size, mode="bilinear", antialias=size[0] < pixels.shape[2])


def letterboxed(images: Sequence[npt.NDArray[np.uint8]], size_wh: tuple[int, int]) -> Batch:
    """Images (H, W, 3), BGR, fitted into one batch of inputs of this width and height."""
    items = []
    for number, image in enumerate(images):
        fitted, placing = letterbox(image, size_wh)
        unlabelled = Sample(fitted, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
        items.append(Item(number, unlabelled, placing))
    batch = collate(items)
    assert isinstance(batch, Batch)
    return batch


class Detector:
    """A model that answers with detections in the images' own pixels.

    Args:
        model: put in eval mode by whoever owns it; computes in its own dtype.
        score_threshold: least score (objectness times class probability).
        iou_threshold: of two boxes of a class that overlap more than this, the lower score goes.
        max_detections: most detections an image; COCO counts 100.
        multi_label: a box may be found as several classes; else as its best one only.
        class_agnostic: boxes of different classes suppress each other too.
        classes: ids of the only classes to find; None: all.
        method: of suppression.
    """

    def __init__(
        self,
        model: Darknet,
        *,
        score_threshold: float,
        iou_threshold: float,
        max_detections: int = 100,
        multi_label: bool = True,
        class_agnostic: bool = False,
        classes: Sequence[int] | None = None,
        method: NmsMethod = GREEDY,
    ) -> None:
        self.model = model
        self.score_threshold = score_threshold
        self.iou_threshold = iou_threshold
        self.max_detections = max_detections
        self.multi_label = multi_label
        self.class_agnostic = class_agnostic
        self.classes = classes
        self.method = method
        parameter = next(model.parameters())
        self.device, self._dtype = parameter.device, parameter.dtype

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> list[Detections]:
        """Detections of each image of the batch, which must say how its images lie in the input."""
        return [
            Detections(letterbox.to_image(detections.xyxy), detections.score, detections.class_id)
            for letterbox, detections in zip(batch.letterboxes, self.suppress(self.predict(batch)), strict=True)
        ]

    @torch.inference_mode()
    def predict(self, batch: Batch) -> Predictions:
        """Every candidate box of each image of the batch, in pixels of the network input."""
        images = to_input(batch.images, self.device, batch.input_size).to(self._dtype)
        return self.model.decode(self.model(images), (images.shape[2], images.shape[3]))

    @torch.inference_mode()
    def suppress(self, predictions: Predictions) -> list[Detections]:
        """The detections among candidates, by this detector's thresholds."""
        return non_max_suppression(
            predictions,
            score_threshold=self.score_threshold,
            iou_threshold=self.iou_threshold,
            max_detections=self.max_detections,
            multi_label=self.multi_label,
            class_agnostic=self.class_agnostic,
            classes=self.classes,
            method=self.method,
        )
