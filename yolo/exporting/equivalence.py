"""Compare the detections of an exported file with those of its network.

Axes: K detections of the network, L of the file, N candidate boxes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.boxes.box_ops import pairwise_iou
from yolo.errors import YoloError
from yolo.exporting.runtimes import outputs_to_detections

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    import torch

    from yolo.boxes.detections import Detections
    from yolo.boxes.nms import NmsSettings
    from yolo.exporting.runtimes import Images, Outputs, Runner

MIN_COMPARED_SCORE = 0.001  # boxes of candidates with lower scores are not compared: they are never shown


class ExportError(YoloError):
    """An exported file that does not give the network's detections."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The differences that a file may have from its network."""

    max_score_diff: float
    max_box_diff: float  # of box edges inside the input, pixels
    min_iou: float  # of two detections to be a match
    min_matched: float  # fraction of the detections that must have a match, 0..1

    @property
    def margin(self) -> float:
        """Detections whose scores are within this margin above the threshold may be missing."""
        return min(self.max_score_diff, 0.1)


FP32_TOLERANCE = Tolerance(1e-3, 0.1, 0.98, 1.0)
FP16_TOLERANCE = Tolerance(0.05, 8.0, 0.8, 0.9)
INT8_TOLERANCE = Tolerance(math.inf, math.inf, 0.5, 0.0)  # int8 files are judged by their mAP


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest differences between a file and its network."""

    score: float  # without a head: of any output value, relative to the largest value
    box: float  # pixels
    num_expected: int  # detections of either that are clearly above the threshold, each matched pair counted once
    num_matched: int  # pairs among them

    def __str__(self) -> str:
        text = f"scores within {self.score:.1e}, boxes within {self.box:.1e} px"
        return f"{text}, {self.num_matched} of {self.num_expected} detections matched"

    def is_within(self, tolerance: Tolerance) -> bool:
        """Return whether the difference is tolerable; NaN is not."""
        is_close = self.score <= tolerance.max_score_diff and self.box <= tolerance.max_box_diff
        return is_close and self.num_matched >= tolerance.min_matched * self.num_expected


def compare_runners(
    reference: Runner, exported: Runner, inputs: Sequence[Images], settings: NmsSettings, tolerance: Tolerance
) -> Difference:
    """Run a network and its file on the same images and return the largest differences over all inputs.

    Args:
        reference: runs the network.
        exported: runs the file.
        inputs: batches.
        settings: thresholds of the detections.
        tolerance: gives the IoU above which two detections match.
    """
    return _merge([_compare_outputs(reference(batch), exported(batch), batch, settings, tolerance) for batch in inputs])


def _compare_outputs(
    reference: Outputs, exported: Outputs, images: Images, settings: NmsSettings, tolerance: Tolerance
) -> Difference:
    if "output" in reference:
        scale = float(np.abs(reference["output"]).max()) or 1.0
        return Difference(_max_diff(reference["output"], exported["output"]) / scale, 0.0, 0, 0)
    detections = [outputs_to_detections(outputs, settings) for outputs in (reference, exported)]
    merged = _merge([_compare_detections(a, b, settings, tolerance) for a, b in zip(*detections, strict=True)])
    if "boxes" not in exported:
        return merged
    size = np.array([images.shape[3], images.shape[2]] * 2)
    is_compared = np.asarray(reference["scores"]).max(-1) > MIN_COMPARED_SCORE
    inside = [np.clip(outputs["boxes"][is_compared], 0, size) for outputs in (reference, exported)]
    score, box = _max_diff(reference["scores"], exported["scores"]), _max_diff(*inside)
    return Difference(score, box, merged.num_expected, merged.num_matched)


def _compare_detections(
    reference: Detections, exported: Detections, settings: NmsSettings, tolerance: Tolerance
) -> Difference:
    """Compare an image's detections: those clearly above the threshold must have a match in the other list."""
    # In a full list, a match of the weakest detection may have been cut off.
    is_full = max(len(reference), len(exported)) == settings.max_detections
    weakest = [float(detections.score[-1]) for detections in (reference, exported) if is_full and len(detections)]
    min_score = max([settings.score_threshold, *weakest]) + tolerance.margin
    is_match_KL = (
        pairwise_iou(reference.xyxy, exported.xyxy) * (reference.class_id[:, None] == exported.class_id)
        >= tolerance.min_iou
    )
    num_unmatched = _count_unmatched(is_match_KL, reference.score > min_score) + _count_unmatched(
        is_match_KL.T, exported.score > min_score
    )
    num_matched = int((is_match_KL.any(1) & (reference.score > min_score)).sum())
    first, second = is_match_KL.nonzero(as_tuple=True)
    return Difference(
        _max_diff(reference.score[first].numpy(), exported.score[second].numpy()),
        _max_diff(reference.xyxy[first].numpy(), exported.xyxy[second].numpy()),
        num_matched + num_unmatched,
        num_matched,
    )


def _count_unmatched(is_match: torch.Tensor, is_counted: torch.Tensor) -> int:
    return int((~is_match.any(1) & is_counted).sum())


def _merge(differences: Sequence[Difference]) -> Difference:
    """Return the largest differences and the total counts."""
    return Difference(
        _max_with_nan(difference.score for difference in differences),
        _max_with_nan(difference.box for difference in differences),
        sum(difference.num_expected for difference in differences),
        sum(difference.num_matched for difference in differences),
    )


def _max_diff(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    return float(np.abs(a - b).max(initial=0.0))


def _max_with_nan(values: Iterable[float]) -> float:
    """Return the largest value, or NaN if any value is NaN."""
    return float(np.max(list(values)))
