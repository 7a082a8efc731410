"""The loader and the detector that validation and the test program share, so that they report the same metrics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from yolo.boxes.nms import NmsSettings
from yolo.config.test_settings import EVALUATION_BATCH_SIZE, EVALUATION_CONF_THRES, EVALUATION_IOU_THRES
from yolo.data.dataset import DetectionDataset
from yolo.data.loader import DetectionLoader, build_loader, build_tile_loader
from yolo.data.rect import rectangular_sizes
from yolo.data.sample import WHOLE, Shard
from yolo.data.tiled_images import TiledImages
from yolo.inference.detector import Detector
from yolo.inference.tiling import TiledDetector
from yolo.model.input_sizes import largest_stride

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from yolo.data.index import Index
    from yolo.data.tiles import TileGrid
    from yolo.model.graph import Graph
    from yolo.model.network import Darknet


MAX_TILED_DETECTIONS = 300  # per image: large images show more objects; COCO's metrics count 100 of each class


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


def build_tiled_evaluation_loader(
    index: Index, grid: TileGrid, *, size: int, workers: int, device: torch.device, shard: Shard = WHOLE
) -> DetectionLoader:
    """Build a loader over the tiles of every image of a split, in order; a batch holds the tiles of one image.

    Args:
        index: the split.
        grid: how images are cut.
        size: side of the network input that shows a tile, pixels.
        workers: processes that read images.
        device: of the model.
        shard: the share of the split that this process loads.
    """
    images = TiledImages(index, grid, size)
    return build_tile_loader(images, workers=workers, shard=shard, pin_memory=device.type == "cuda")


def build_evaluation_detector(model: Darknet) -> Detector:
    """Build a detector with the thresholds of evaluation."""
    return Detector(model, NmsSettings(score_threshold=EVALUATION_CONF_THRES, iou_threshold=EVALUATION_IOU_THRES))


def build_tiled_detector(detector: Detector, batch_size: int = EVALUATION_BATCH_SIZE) -> TiledDetector:
    """Build a detector for the batches of a `build_tiled_evaluation_loader`.

    Args:
        detector: runs on the tiles; its number of detections is raised.
        batch_size: tiles that the network gets at a time.
    """
    nms = replace(detector.nms, max_detections=MAX_TILED_DETECTIONS)
    return TiledDetector(Detector(detector.model, nms), batch_size)
