"""What a `Runner` runs, as detections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from yolo.boxes.detections import Detections, Predictions
from yolo.boxes.nms import NmsSettings, non_max_suppression
from yolo.inference.detector import to_image_pixels, to_input

if TYPE_CHECKING:
    from yolo.boxes.nms import NmsSettings
    from yolo.data.sample import Batch
    from yolo.exporting.runtimes import Outputs, Runner


def detections_of(outputs: Outputs, settings: NmsSettings) -> list[Detections]:
    """Detections of each image in pixels of the input, suppressed here unless the file did that itself."""
    tensors = {name: torch.from_numpy(array) for name, array in outputs.items()}
    if "boxes" in tensors:
        return non_max_suppression(Predictions(tensors["boxes"], tensors["scores"]), settings)
    rows = zip(*(tensors[f"detection_{part}"] for part in ("boxes", "scores", "classes")), strict=True)
    return [
        Detections(boxes[:count], scores[:count], classes[:count])
        for (boxes, scores, classes), count in zip(rows, tensors["num_detections"].tolist(), strict=True)
    ]


class FileDetector:
    """A file that answers as `yolo.inference.Detector` does: in the images' own pixels."""

    def __init__(self, run: Runner, settings: NmsSettings) -> None:
        self.run = run
        self.settings = settings

    def __call__(self, batch: Batch) -> list[Detections]:
        """Detections of each image of the batch."""
        images = to_input(batch.images, torch.device("cpu"), batch.input_size).contiguous()
        found = detections_of(self.run(images.numpy()), self.settings)
        return to_image_pixels(found, batch)
