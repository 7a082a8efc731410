"""The images that files are checked on, and the data set that they are scored on."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from yolo.boxes.nms import NmsSettings
from yolo.config.test_settings import EVALUATION_CONF_THRES, EVALUATION_IOU_THRES
from yolo.data.decode import read_image
from yolo.data.drawn_shapes import scene_rng
from yolo.data.formats.open_dataset import open_source
from yolo.data.shape_scenes import draw_scene
from yolo.data.transforms import letterbox
from yolo.errors import require
from yolo.evaluation.evaluation_loader import build_evaluation_loader
from yolo.evaluation.evaluator import Evaluator
from yolo.exporting.runtime_detector import FileDetector
from yolo.inference.detector import to_input
from yolo.log import progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolo.data.index import Index
    from yolo.data.loader import DetectionLoader
    from yolo.evaluation.metrics.coco_metrics import CocoMetrics
    from yolo.exporting.graph import Interface
    from yolo.exporting.runtimes import Images, Runner

EVALUATION = NmsSettings(score_threshold=EVALUATION_CONF_THRES, iou_threshold=EVALUATION_IOU_THRES, max_detections=100)
BATCH_SIZE = 8


class LabelledImages:
    """A data set that answers what quantisation and scoring ask.

    Args:
        data: as in `yolo.test`.
        size: (height, width) of the network input.
        num_classes: of the network.

    Raises:
        YoloError: no such data set, or one of another number of classes.
    """

    def __init__(self, data: str, size: tuple[int, int], num_classes: int) -> None:
        source = open_source(data)
        classes = len(source.names)
        require("--data", data, classes == num_classes, f"one of {num_classes} classes, not {classes}, as the network")
        self.index = source.index("val")
        self.seen = source.index("train") if "train" in source.splits else self.index  # what calibration looks at
        self._size = size

    def score(self, run: Runner, title: str) -> CocoMetrics:
        """COCO's metrics of whatever runs, without suppression of its own, as `yolo.test` computes those of weights."""
        detector, evaluator, loader = FileDetector(run, EVALUATION), Evaluator(self.index), self._loader(self.index)
        for batch in progress(loader, desc=title, total=len(loader), unit="batch"):
            evaluator.process(batch.image_ids, detector(batch))
        return evaluator.evaluate()

    def inputs(self, num_images: int) -> Iterator[Images]:
        """Network inputs of the first images to calibrate on, one by one: (1, 3, H, W)."""
        batches = (to_input(batch.images, torch.device("cpu"), batch.input_size) for batch in self._loader(self.seen))
        singles = (image[None].contiguous().numpy() for batch in batches for image in batch)
        total = min(num_images, len(self.seen))
        yield from progress(islice(singles, total), desc="calibrate", total=total, unit="img")

    def _loader(self, index: Index) -> DetectionLoader:
        return build_evaluation_loader(
            index, size=self._size[0], batch_size=BATCH_SIZE, workers=0, device=torch.device("cpu")
        )


def check_inputs(interface: Interface, image_path: Path | None) -> list[Images]:
    """Batches to check a file on: one image; where sizes are open, also two together in another size.

    Args:
        interface: of the network.
        image_path: a file; None: an image that is drawn here.
    """
    image = draw_scene(scene_rng("test", 0)).image if image_path is None else read_image(image_path)
    single = _as_input(image, interface.size)
    if 2 not in interface.open_axes:
        return [single, np.concatenate([single, single[..., ::-1]])]
    height, width = (max(2, round(side * share / interface.stride)) * interface.stride
                     for side, share in zip(interface.size, (0.75, 0.5), strict=True))  # fmt: skip
    other = _as_input(image, (height, width))
    return [single, np.concatenate([other, other[..., ::-1]])]


def _as_input(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], size: tuple[int, int]) -> Images:
    fitted, _ = letterbox(image, (size[1], size[0]))
    return np.ascontiguousarray(fitted[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)
