"""Images to check files on, and the data set to evaluate them on."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from yolo.boxes.nms import NmsSettings
from yolo.config.test_settings import EVALUATION_CONF_THRES, EVALUATION_IOU_THRES
from yolo.data.decode import read_image
from yolo.data.drawn_shapes import scene_rng
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.shape_scenes import draw_scene
from yolo.data.transforms import letterbox
from yolo.errors import require
from yolo.evaluation.evaluation_loader import build_evaluation_loader
from yolo.evaluation.evaluator import Evaluator
from yolo.exporting.runtimes import RunnerDetector
from yolo.inference.detector import to_input
from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolo.data.index import Index
    from yolo.data.loader import DetectionLoader
    from yolo.evaluation.metrics.coco_metrics import CocoMetrics
    from yolo.exporting.detector_graph import GraphSignature
    from yolo.exporting.runtimes import Images, Runner

EVALUATION_NMS = NmsSettings(
    score_threshold=EVALUATION_CONF_THRES, iou_threshold=EVALUATION_IOU_THRES, max_detections=100
)
BATCH_SIZE = 8


class LabelledImages:
    """A data set for int8 calibration and for the evaluation of exported files.

    Args:
        data: data set, as in `yolo.test`.
        size: (height, width) of the network input.
        num_classes: of the network.

    Raises:
        YoloError: there is no such data set, or its number of classes is not the network's.
    """

    def __init__(self, data: str, size: tuple[int, int], num_classes: int) -> None:
        source = open_dataset(data)
        found = len(source.names)
        require("--data", data, found == num_classes, f"a data set of the network's {num_classes} classes, not {found}")
        self.index = source.index("val")
        self.calibration_index = source.index("train") if "train" in source.splits else self.index
        self._size = size

    def evaluate(self, runner: Runner, title: str) -> CocoMetrics:
        """Return the COCO metrics of a runner that returns all candidates, computed as `yolo.test` does."""
        detector, evaluator = RunnerDetector(runner, EVALUATION_NMS), Evaluator(self.index)
        loader = self._build_loader(self.index)
        for batch in progress(loader, desc=title, total=len(loader), unit="batch"):
            evaluator.process(batch.image_ids, detector(batch))
        return evaluator.evaluate()

    def calibration_inputs(self, num_images: int) -> Iterator[Images]:
        """Yield the network inputs of the first calibration images, one by one: (1, 3, H, W)."""
        loader = self._build_loader(self.calibration_index)
        batches = (to_input(batch.images, torch.device("cpu"), batch.input_size) for batch in loader)
        singles = (image[None].contiguous().numpy() for batch in batches for image in batch)
        total = min(num_images, len(self.calibration_index))
        yield from progress(islice(singles, total), desc="calibrate", total=total, unit="img")

    def _build_loader(self, index: Index) -> DetectionLoader:
        return build_evaluation_loader(
            index, size=self._size[0], batch_size=BATCH_SIZE, workers=0, device=torch.device("cpu")
        )


def build_check_inputs(signature: GraphSignature, image_path: Path | None) -> list[Images]:
    """Return batches to check a file on: one image, then two images, in another size if the graph allows it.

    Args:
        signature: input and outputs of the graph.
        image_path: image file; None: a drawn image.
    """
    image = draw_scene(scene_rng("test", 0)).image if image_path is None else read_image(image_path)
    single = _image_to_input(image, signature.input_size)
    if not signature.is_resizable:
        return [single, np.concatenate([single, single[..., ::-1]])]
    height, width = (
        max(2, round(side * scale / signature.stride)) * signature.stride
        for side, scale in zip(signature.input_size, (0.75, 0.5), strict=True)
    )
    other = _image_to_input(image, (height, width))
    return [single, np.concatenate([other, other[..., ::-1]])]


def _image_to_input(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], size: tuple[int, int]) -> Images:
    fitted, _ = letterbox(image, (size[1], size[0]))
    return np.ascontiguousarray(fitted[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)
