"""Detect objects as Darknet does, to reproduce the scores of `darknet detector map`.

The thresholds, the suppression and the order of the boxes are Darknet's; `darknet_loader` reads images as it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from yolo.boxes.box_ops import cxcywh_to_xyxy
from yolo.boxes.darknet_nms import GREEDY_BETA, darknet_nms
from yolo.boxes.detections import Detections
from yolo.config.test_settings import DARKNET_CONF_THRES, DARKNET_IOU_THRES
from yolo.darknet.image_ops import letterboxed_size
from yolo.errors import CfgError
from yolo.layers.gaussian_yolo import GaussianYolo
from yolo.layers.yolo import Yolo

if TYPE_CHECKING:
    from yolo.boxes.darknet_nms import DarknetCandidates, DarknetNmsKind
    from yolo.data.sample import Batch
    from yolo.model.network import Darknet


class DarknetDetector:
    """Return the detections that Darknet returns: not clipped to the image, in Darknet's order.

    Args:
        model: in eval mode; the keys of its last head select the kind of suppression.
        score_threshold: minimum objectness, and minimum score.
        iou_threshold: of two boxes of a class that overlap more than this, the one with the lower score is dropped.
        fit: as given to the `DarknetLoader`.
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
        self.nms_kind, self.beta_nms = read_nms_keys(model)

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> list[Detections]:
        """Return the detections in each image of a batch from a `DarknetLoader`."""
        images = batch.images.to(next(self.model.parameters()).device, memory_format=torch.channels_last)
        input_hw = (images.shape[2], images.shape[3])
        candidates = self.model.candidates(self.model(images), input_hw, self.score_threshold)
        return [
            self._detections(per_image, (letterbox.width, letterbox.height), input_hw)
            for per_image, letterbox in zip(candidates, batch.letterboxes, strict=True)
        ]

    def _detections(
        self, candidates: DarknetCandidates, image_wh: tuple[int, int], input_hw: tuple[int, int]
    ) -> Detections:
        scores = darknet_nms(candidates, self.iou_threshold, self.nms_kind, self.beta_nms).scores
        boxes_xyxy = cxcywh_to_xyxy(candidates.boxes_cxcywh)
        if self.fit == "letterbox":
            boxes_xyxy = _undo_letterbox(boxes_xyxy, image_wh, input_hw)
        boxes_xyxy = boxes_xyxy * boxes_xyxy.new_tensor(image_wh * 2)
        # Darknet's suppression sorts the boxes by each class in turn, stably: the last class decides, then the others.
        order = torch.from_numpy(np.lexsort(-candidates.scores.cpu().numpy().T))
        scores, boxes_xyxy = scores[order], boxes_xyxy[order]
        box, class_id = scores.nonzero(as_tuple=True)
        return Detections(boxes_xyxy[box], scores[box, class_id], class_id)


def read_nms_keys(model: Darknet) -> tuple[DarknetNmsKind, float]:
    """Return `nms_kind` and `beta_nms` of a network's last head.

    Raises:
        CfgError: this kind of suppression is not supported.
    """
    node = model.heads[-1]
    if not isinstance(node.spec, Yolo | GaussianYolo):
        return "default", GREEDY_BETA
    if node.spec.nms_kind == "cornersnms":
        where = node.section.where("nms_kind")
        raise CfgError(f"{where}: nms_kind=cornersnms: use default, greedynms or diounms for Darknet's metric")
    return node.spec.nms_kind, node.spec.beta_nms


def _undo_letterbox(boxes_xyxy: torch.Tensor, image_wh: tuple[int, int], input_hw: tuple[int, int]) -> torch.Tensor:
    """Convert fractions of the network input to fractions of the image, which covers whole pixels, as in Darknet."""
    image_hw, (input_height, input_width) = image_wh[::-1], input_hw
    inner = boxes_xyxy.new_tensor(letterboxed_size(image_hw, input_width, input_height)[::-1])
    share = (inner / boxes_xyxy.new_tensor([input_width, input_height])).repeat(2)
    return (boxes_xyxy - (1 - share) / 2) / share
