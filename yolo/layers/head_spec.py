"""`HeadSpec`: a detection head, which turns raw network outputs into boxes.

Axes: B images, A anchors of this head, H and W cells, C classes, N = A * H * W candidate boxes, E values per anchor.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import nn

from yolo.darknet.cfg_keys import check_key
from yolo.layers.layer_spec import LayerSpec, Shape

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

IouLoss = Literal["mse", "iou", "giou", "diou", "ciou"]
ClassActivation = Literal["logistic", "softmax", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSpec(LayerSpec):
    """A detection head. Its module is the identity: losses and decoding start from its raw input.

    Candidate boxes are in Darknet's order: cell by cell, and within a cell anchor by anchor.
    """

    keeps_low_objectness: ClassVar[bool] = False
    """True if Darknet returns boxes of any objectness, applying its threshold only to class scores."""

    classes: int = 20

    @property
    @abstractmethod
    def class_activation(self) -> ClassActivation:
        """The function that makes class probabilities of the layer before's values, before its own activation."""

    @abstractmethod
    def num_channels(self, classes: int) -> int:
        """Return the input channels (values per cell) that this head needs for a number of classes."""

    @abstractmethod
    def class_channels(self) -> Tensor:
        """Return the input channels that are class values, int64 (G, C): one row per anchor, or cell of [detection]."""

    @abstractmethod
    def activate(self, raw: Tensor) -> Tensor:
        """Return Darknet's output of this layer, in its order; any shape that begins with B.

        Args:
            raw: (B, A * E, H, W), this head's entry of the model's output.
        """

    @abstractmethod
    def decode(self, raw: Tensor, image_size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Decode candidate boxes and their scores.

        Args:
            raw: (B, A * E, H, W), this head's entry of the model's output.
            image_size: (height, width) of the network input, pixels.

        Returns:
            boxes (B, N, 4), xyxy, pixels of the network input, and scores (B, N, C) in 0..1.
        """

    @abstractmethod
    def objectness(self, raw: Tensor) -> Tensor:
        """Return the objectness that Darknet reports, (B, N) in 0..1."""

    def thresholded_scores(self, raw: Tensor, scores: Tensor, threshold: float) -> Tensor:
        """Return `decode`'s scores as Darknet reports them, (B, N, C): 0 where not above the threshold."""
        del raw
        return torch.where(scores > threshold, scores, 0.0)

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        needed = self.num_channels(self.classes)
        check_key("classes", x.channels == needed, f"needs {needed} input channels, has {x.channels}; "
              f"set filters={needed} in the layer before")  # fmt: skip
        return x

    def build(self, *inputs: Shape) -> nn.Module:
        del inputs
        return nn.Identity()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorHeadSpec(HeadSpec):
    """Keys shared by [yolo] and [Gaussian_yolo], most of them for training."""

    num: int = 1
    mask: tuple[int, ...] | None = None
    anchors: tuple[float, ...]
    max: int = 200
    scale_x_y: float = 1.0
    map: str | None = None

    jitter: float = 0.2
    resize: float = 1.0
    random: float = 0.0

    ignore_thresh: float = 0.5
    truth_thresh: float = 1.0
    iou_thresh: float = 1.0
    iou_thresh_kind: IouLoss = "iou"
    iou_loss: IouLoss = "mse"
    iou_normalizer: float = 0.75
    obj_normalizer: float = 1.0
    cls_normalizer: float = 1.0
    delta_normalizer: float = 1.0
    max_delta: float | None = None
    label_smooth_eps: float = 0.0
    objectness_smooth: bool = False
    counters_per_class: tuple[int, ...] = ()

    beta_nms: float = 0.6

    def __post_init__(self) -> None:
        check_key("classes", self.classes >= 1, "must be 1 or more")
        check_anchors(self.anchors, self.num)
        counters = len(self.counters_per_class)
        check_key("counters_per_class", counters in (0, self.classes), f"has {counters} values, classes={self.classes}")
        for anchor in self.mask or ():
            exists = 0 <= anchor < max(self.num, len(self.anchors) // 2)
            check_key("mask", exists, f"anchor {anchor}, but num={self.num}; use 0..{self.num - 1}")
            if anchor >= self.num:
                logger.warning("mask=%d with num=%d gives boxes of size 0, as in Darknet; raise num", anchor, self.num)

    @property
    def anchors_wh(self) -> tuple[tuple[float, float], ...]:
        """Sizes (width, height) of this head's anchors, pixels of the network input.

        Darknet stores `num` anchors; a larger index in `mask` gives size 0 (cspx-p7-mish.cfg).
        """
        mask = range(self.num) if self.mask is None else self.mask
        return tuple((self.anchors[2 * i], self.anchors[2 * i + 1]) if i < self.num else (0.0, 0.0) for i in mask)

    @property
    def class_activation(self) -> ClassActivation:
        return "logistic"

    def class_channels(self) -> Tensor:
        return torch.arange(self.num_channels(self.classes)).view(len(self.anchors_wh), -1)[:, -self.classes :]

    def split(self, raw: Tensor) -> Tensor:
        """View (B, A * E, H, W) as (B, A, E, H, W)."""
        num_anchors = len(self.anchors_wh)
        return raw.view(raw.shape[0], num_anchors, self.num_channels(self.classes) // num_anchors, *raw.shape[2:])


def check_anchors(anchors: tuple[float, ...], num: int) -> None:
    """Raise `BadValueError` unless there are `num` pairs of positive numbers."""
    check_key("num", num >= 1, "must be 1 or more")
    check_key("anchors", len(anchors) >= 2 * num, f"num={num} needs {2 * num} numbers")
    check_key("anchors", min(anchors) > 0, "widths and heights must be above 0")


def cell_major(x: Tensor) -> Tensor:
    """Permute (B, A, E, H, W) to (B, H, W, A, E), Darknet's order of boxes."""
    return x.permute(0, 3, 4, 1, 2)


def apply_scale_x_y(xy: Tensor, scale_x_y: float) -> Tensor:
    """Spread a centre's offset from its cell's corner, in cells, over a wider range than 0..1."""
    return xy * scale_x_y - 0.5 * (scale_x_y - 1)


def cell_corners(like: Tensor, height: int, width: int) -> Tensor:
    """Return the column and row of each cell, (H, W, 2), with the dtype and device of `like`."""
    rows = torch.arange(height, dtype=like.dtype, device=like.device)
    columns = torch.arange(width, dtype=like.dtype, device=like.device)
    return torch.stack([columns.expand(height, -1), rows[:, None].expand(-1, width)], dim=-1)


def cell_offsets_to_pixels(offsets: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Convert offsets from the cells' corners, in cells, to pixels of the network input; both (B, H, W, A, 2)."""
    height, width = offsets.shape[1:3]
    return (
        (offsets + cell_corners(offsets, height, width)[:, :, None])
        / wh_tensor(offsets, (height, width))
        * wh_tensor(offsets, image_size)
    )


def centre_wh_to_xyxy(centre: Tensor, wh: Tensor) -> Tensor:
    """Convert centres and sizes, each (..., 2), to boxes (..., 4), xyxy."""
    return torch.cat([centre - wh / 2, centre + wh / 2], dim=-1)


def wh_tensor(like: Tensor, size: tuple[int, int]) -> Tensor:
    """Return (height, width) as a tensor (width, height), with the dtype and device of `like`."""
    height, width = size
    return torch.cat([like.new_full((1,), width), like.new_full((1,), height)])  # traceable, unlike new_tensor
