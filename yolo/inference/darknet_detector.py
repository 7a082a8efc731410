"""Images through a model as Darknet does it: its resizing, its thresholds, its suppression, its order of boxes.

For scores that are to equal those of `darknet detector map`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from yolo.boxes.box_ops import cxcywh_to_xyxy
from yolo.boxes.darknet_nms import GREEDY_BETA, darknet_nms
from yolo.boxes.detections import Detections
from yolo.config.test_settings import DARKNET_CONF_THRES, DARKNET_IOU_THRES
from yolo.darknet.image_ops import letterbox, letterboxed_size, resize
from yolo.data.loader import raise_worker_errors
from yolo.data.sample import WHOLE, Batch, Letterbox, Shard
from yolo.errors import CfgError, YoloError
from yolo.inference.darknet_decode import read_as_darknet
from yolo.layers.gaussian_yolo import GaussianYolo
from yolo.layers.yolo import Yolo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolo.boxes.darknet_nms import DarknetCandidates, DarknetNmsKind
    from yolo.data.index import Index
    from yolo.model.network import Darknet


class _Images(Dataset["Batch | YoloError"]):
    """Image after image, resized in floats."""

    def __init__(self, index: Index, size_wh: tuple[int, int], fit: Literal["letterbox", "stretch"]) -> None:
        self._index = index
        self._size_wh = size_wh
        self._fit = letterbox if fit == "letterbox" else resize

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, i: int) -> Batch | YoloError:
        try:
            pixels = read_as_darknet(self._index.path(i), self._index.size(i))
        except YoloError as error:
            return error
        planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 255
        width, height = self._index.size(i)
        image = self._fit(planes, *self._size_wh)
        return Batch(image[None], torch.zeros(0, 6), (i,), (Letterbox(1, 1, 0, 0, width, height),))


class DarknetLoader:
    """Images of a split as Darknet reads them, one a batch, as Darknet's batches are; each in one process.

    Their `images` are float in 0..1, and their `letterboxes` state nothing but the sizes of the images.

    Args:
        index: the split.
        size_wh: of the network input, pixels.
        fit: stretch, as `detector map` does, or letterbox, as it does with `-letter_box`.
        workers: processes that read images.
        shard: the share of the split that this process reads.
    """

    def __init__(
        self,
        index: Index,
        size_wh: tuple[int, int],
        fit: Literal["letterbox", "stretch"],
        *,
        workers: int,
        shard: Shard = WHOLE,
    ) -> None:
        self.batch_size = 1
        own = range(shard.rank, len(index), shard.world_size)
        self._batches = DataLoader(_Images(index, size_wh, fit), batch_size=None, sampler=own, num_workers=workers)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        """Go through the split.

        Raises:
            YoloError: an image cannot be used.
        """
        return raise_worker_errors(self._batches)


class DarknetDetector:
    """A model that answers with what Darknet would find, not clipped to the image, in Darknet's order.

    Args:
        model: put in eval mode by whoever owns it; its last head says how to suppress.
        score_threshold: least objectness, and least score.
        iou_threshold: of two boxes of a class that overlap more than this, the lower score goes.
        fit: how the loader fits images.
    """

    def __init__(
        self,
        model: Darknet,
        *,
        score_threshold: float = DARKNET_CONF_THRES,
        iou_threshold: float = DARKNET_IOU_THRES,
        fit: Literal["letterbox", "stretch"] = "stretch",
    ) -> None:
        self.model = model
        self.score_threshold = score_threshold
        self.iou_threshold = iou_threshold
        self.fit = fit
        self.nms_kind, self.beta_nms = nms_of(model)

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> list[Detections]:
        """Detections of each image of a batch of `DarknetLoader`."""
        images = batch.images.to(next(self.model.parameters()).device, memory_format=torch.channels_last)
        size = (images.shape[2], images.shape[3])
        candidates = self.model.candidates(self.model(images), size, self.score_threshold)
        return [
            self._answer(found, letterbox, size) for found, letterbox in zip(candidates, batch.letterboxes, strict=True)
        ]

    def _answer(self, found: DarknetCandidates, placing: Letterbox, size: tuple[int, int]) -> Detections:
        scores = darknet_nms(found, self.iou_threshold, self.nms_kind, self.beta_nms).scores
        boxes_xyxy = cxcywh_to_xyxy(found.boxes_cxcywh)
        if self.fit == "letterbox":
            boxes_xyxy = _out_of_letterbox(boxes_xyxy, placing, size)
        boxes_xyxy = boxes_xyxy * boxes_xyxy.new_tensor([placing.width, placing.height] * 2)
        # Suppression has sorted the boxes by each class in turn, stably: the last class decides, then the one before.
        order = torch.from_numpy(np.lexsort(-found.scores.cpu().numpy().T))
        scores, boxes_xyxy = scores[order], boxes_xyxy[order]
        box, class_id = scores.nonzero(as_tuple=True)
        return Detections(boxes_xyxy[box], scores[box, class_id], class_id)


def nms_of(model: Darknet) -> tuple[DarknetNmsKind, float]:
    """The kind of suppression that a network's last head asks for, and its beta.

    Raises:
        CfgError: it is a kind that is not known here.
    """
    node = model.heads[-1]
    if not isinstance(node.spec, Yolo | GaussianYolo):
        return "default", GREEDY_BETA
    if node.spec.nms_kind == "cornersnms":
        where = node.section.where("nms_kind")
        raise CfgError(f"{where}: nms_kind=cornersnms: use default, greedynms or diounms for Darknet's metric")
    return node.spec.nms_kind, node.spec.beta_nms


def _out_of_letterbox(boxes_xyxy: torch.Tensor, placing: Letterbox, size: tuple[int, int]) -> torch.Tensor:
    """Fractions of the network input to fractions of the image, which fills whole pixels, as in Darknet."""
    inner = boxes_xyxy.new_tensor(letterboxed_size((placing.height, placing.width), size[1], size[0])[::-1])
    share = (inner / boxes_xyxy.new_tensor(size[::-1])).repeat(2)
    return (boxes_xyxy - (1 - share) / 2) / share
