"""The loader and the detector that validation and the test program share, so that they report the same metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from yolo.boxes.nms import NmsSettings
from yolo.config.test_settings import EVALUATION_BATCH_SIZE, EVALUATION_CONF_THRES, EVALUATION_IOU_THRES
from yolo.data.dataset import DetectionDataset
from yolo.data.loader import DetectionLoader, build_loader
from yolo.data.rect import rectangular_sizes
from yolo.data.sample import WHOLE, Shard
from yolo.inference.detector import Detector
from yolo.model.input_sizes import largest_stride

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from yolo.data.index import Index
    from yolo.model.graph import Graph
    from yolo.model.network import Darknet


def rect_input_sizes(index: Index, graph: Graph, size: int) -> npt.NDArray[np.int32]:
    """Return width and height of the smallest input that holds each image of a split, (M, 2)."""
    return rectangular_sizes(index.sizes, size, largest_stride(graph))


def build_evaluation_loader(
    index: Index,
    *,
    size: int,
    batch_size: int = EVALUATION_BATCH_SIZE,
    workers: int,
    device: torch.device,
    fit: Literal["letterbox", "stretch"] = "letterbox",
    input_sizes: npt.NDArray[np.int32] | None = None,
    shard: Shard = WHOLE,
) -> DetectionLoader:
    """Build a loader over every image of a split, in order and without augmentation.

    Args:
        index: the split.
        size: side of the network input, pixels.
        batch_size: images per batch.
        workers: processes that read images.
        device: of the model.
        fit: letterbox or stretch images to the input.
        input_sizes: (M, 2), width and height of the input of each image; images are then grouped by input size.
        shard: the share of the split that this process loads.
    """
    return build_loader(
        DetectionDataset(index=index, size=size, augment=None, seed=0, fit=fit, input_sizes=input_sizes),
        batch_size=batch_size,
        workers=workers,
        order="listed",
        seed=0,
        pin_memory=device.type == "cuda",
        shard=shard,
    )


def build_evaluation_detector(model: Darknet) -> Detector:
    """Build a detector with the thresholds of evaluation."""
    return Detector(model, NmsSettings(score_threshold=EVALUATION_CONF_THRES, iou_threshold=EVALUATION_IOU_THRES))
