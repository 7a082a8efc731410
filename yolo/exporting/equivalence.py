"""Does a file find in images what the network finds?

Axes: K detections of the one, L of the other, N candidate boxes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.boxes.box_ops import pairwise_iou
from yolo.errors import YoloError
from yolo.exporting.runtime_detector import detections_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    import torch

    from yolo.boxes.detections import Detections
    from yolo.boxes.nms import NmsSettings
    from yolo.exporting.runtimes import Images, Outputs, Runner

COUNTS = 0.001  # candidates that score less are not compared: nobody sees their boxes


class ExportError(YoloError):
    """A file that does not find what the network finds."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What differences a file may have."""

    score: float  # largest of scores
    box: float  # largest of box edges inside the input, pixels
    overlap: float  # least IoU of two detections that are one
    share: float  # least share of the detections that must be in both

    @property
    def margin(self) -> float:
        """Detections that score so little more than the threshold may be missing."""
        return min(self.score, 0.1)


SINGLE = Tolerance(1e-3, 0.1, 0.98, 1.0)
HALF = Tolerance(0.05, 8.0, 0.8, 0.9)
EIGHT_BITS = Tolerance(math.inf, math.inf, 0.5, 0.0)  # their mAP says what they are worth


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a file is from its network."""

    score: float  # largest; without a head, of any output value, relative to the largest value
    box: float  # largest, pixels
    expected: int  # detections of either that are clearly above the threshold, each pair once
    alike: int  # of those, the pairs

    def __str__(self) -> str:
        text = f"scores within {self.score:.1e}, boxes within {self.box:.1e} px"
        return f"{text}, {self.alike} of {self.expected} detections alike"

    def within(self, tolerance: Tolerance) -> bool:
        """Whether that is tolerable; NaN is not."""
        near = self.score <= tolerance.score and self.box <= tolerance.box
        return near and self.alike >= tolerance.share * self.expected


def compare(
    expected: Runner, found: Runner, inputs: Sequence[Images], settings: NmsSettings, tolerance: Tolerance
) -> Difference:
    """Run a network and its file on the same images; the worst of all inputs.

    Args:
        expected: the network.
        found: the file.
        inputs: batches.
        settings: what a detection is.
        tolerance: which detections of both are one.
    """
    parts = [_of_batch(expected(batch), found(batch), batch, settings, tolerance) for batch in inputs]
    return Difference(
        _worst(part.score for part in parts),
        _worst(part.box for part in parts),
        sum(part.expected for part in parts),
        sum(part.alike for part in parts),
    )


def _of_batch(
    ours: Outputs, theirs: Outputs, images: Images, settings: NmsSettings, tolerance: Tolerance
) -> Difference:
    if "output" in ours:
        scale = float(np.abs(ours["output"]).max()) or 1.0
        return Difference(_largest(ours["output"], theirs["output"]) / scale, 0.0, 0, 0)
    pairs = list(zip(detections_of(ours, settings), detections_of(theirs, settings), strict=True))
    of_images = [_of_detections(a, b, settings, tolerance) for a, b in pairs]
    score, box = _worst(part.score for part in of_images), _worst(part.box for part in of_images)
    if "boxes" in theirs:
        size = np.array([images.shape[3], images.shape[2]] * 2)
        visible = np.asarray(ours["scores"]).max(-1) > COUNTS
        inside = [np.clip(outputs["boxes"][visible], 0, size) for outputs in (ours, theirs)]
        score, box = _largest(ours["scores"], theirs["scores"]), _largest(*inside)
    return Difference(score, box, sum(part.expected for part in of_images), sum(part.alike for part in of_images))


def _of_detections(ours: Detections, theirs: Detections, settings: NmsSettings, tolerance: Tolerance) -> Difference:
    """Of one image: detections that both are sure of must have a counterpart among all of the other's."""
    full = max(len(ours), len(theirs)) == settings.max_detections  # then the weakest of one may be beyond the other's
    weakest = [float(found.score[-1]) for found in (ours, theirs) if full and len(found)]
    bar = max([settings.score_threshold, *weakest]) + tolerance.margin
    same_KL = pairwise_iou(ours.xyxy, theirs.xyxy) * (ours.class_id[:, None] == theirs.class_id) >= tolerance.overlap
    alone = _num_alone(same_KL, ours.score > bar) + _num_alone(same_KL.T, theirs.score > bar)
    alike = int((same_KL.any(1) & (ours.score > bar)).sum())
    first, second = same_KL.nonzero(as_tuple=True)
    return Difference(
        _largest(ours.score[first].numpy(), theirs.score[second].numpy()),
        _largest(ours.xyxy[first].numpy(), theirs.xyxy[second].numpy()),
        alike + alone,
        alike,
    )


def _num_alone(same: torch.Tensor, sure: torch.Tensor) -> int:
    return int((~same.any(1) & sure).sum())


def _largest(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    return float(np.abs(a - b).max(initial=0.0))


def _worst(values: Iterable[float]) -> float:
    return float(np.max(list(values)))  # NaN, where there is one
