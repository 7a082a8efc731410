"""Boxes, classes and survivors of suppression beside the C Darknet's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from yolo.boxes.darknet_nms import DarknetCandidates, DarknetNmsKind, darknet_nms
from yolo.darknet.image_ops import letterboxed_size
from yolo.layers.detection import Detection

if TYPE_CHECKING:
    from benchmarks.golden_reference import Floats, Run

Pairs = dict[tuple[int, int], float]  # (box, class) -> score

THRESHOLDS = {"t25": 0.25, "t005": 0.005}
BOX_BAR = 0.1  # pixels
UNDECIDED = 1e-4  # what is this near to a threshold may fall on either side
IMAGE = (427, 640)  # height, width of the letterboxed case
SUPPRESSIONS: dict[str, tuple[DarknetNmsKind, float]] = {
    "sort45": ("default", 0.6),
    "obj45": ("obj", 0.6),
    "greedy45": ("greedynms", 0.6),
    "diou45_b09": ("diounms", 0.9),
}


@dataclass
class Agreement:
    """How far detections agree, over all cases of a network; `other` counts what one side alone has."""

    boxes: int = 0
    other_boxes: int = 0
    pairs: int = 0  # of box and class
    other_pairs: int = 0
    score_error: float = 0.0
    box_error: float = 0.0  # pixels
    box_error_over_bar: float = 0.0
    survivors: int = 0
    other_survivors: int = 0  # suppressing our boxes
    wrong_survivors: int = 0  # suppressing Darknet's own boxes

    def add_boxes(self, difference: Floats, sizes: Floats, noise: float) -> None:
        """Add errors of boxes, pixels (N, 4); raw sizes that differ by the noise differ by that share of the box."""
        largest = np.abs(difference).max(axis=1, initial=0.0)
        bar = np.maximum(BOX_BAR, 3 * noise * sizes.max(axis=1, initial=0.0))
        self.box_error = max(self.box_error, float(largest.max(initial=0.0)))
        self.box_error_over_bar = max(self.box_error_over_bar, float((largest / bar).max(initial=0.0)))


def compare(run: Run, arrays: dict[str, Floats], noise: float) -> Agreement:
    """Every case that the arrays hold, of a network with a head; the noise is that of the heads' raw numbers."""
    total = Agreement()
    size = (run.model.net.height, run.model.net.width)
    for case, threshold in THRESHOLDS.items():
        if f"det_{case}_box" not in arrays:
            continue
        ours = run.model.candidates(run.raw, size, threshold)[0]
        spec = run.model.heads[0].spec
        scale = np.array([size[1], size[0]] * 2, dtype=np.float32)
        theirs = _golden_candidates(arrays, case, 1 / scale if isinstance(spec, Detection) else np.ones_like(scale))
        _compare_candidates(total, ours, theirs, threshold, scale, noise)
        for name, (kind, beta) in SUPPRESSIONS.items():
            if f"det_{case}_{name}_pid" in arrays:
                survivors = {*zip(arrays[f"det_{case}_{name}_pid"], arrays[f"det_{case}_{name}_pcls"], strict=True)}
                total.survivors += len(survivors)
                left = _pairs(darknet_nms(theirs, 0.45, kind, beta)).keys()
                total.wrong_survivors += len(left ^ survivors)
                if len(ours.scores) == len(theirs.scores):
                    differing = _pairs(darknet_nms(ours, 0.45, kind, beta)).keys() ^ survivors
                    scores = {**_pairs(ours), **_pairs(theirs)}
                    total.other_survivors += sum(abs(scores[pair] - threshold) > UNDECIDED for pair in differing)
        if f"det_{case}_letter_box" in arrays and len(ours.objectness) == len(arrays[f"det_{case}_letter_box"]):
            mine = _in_image(ours.boxes_cxcywh.numpy(), size, letterboxed=not isinstance(spec, Detection))
            boxes = arrays[f"det_{case}_letter_box"]
            total.add_boxes(mine - boxes, boxes[:, 2:], noise)
    return total


def _golden_candidates(arrays: dict[str, Floats], case: str, to_fractions: Floats) -> DarknetCandidates:
    boxes, objectness = arrays[f"det_{case}_box"] * to_fractions, arrays[f"det_{case}_obj"]
    numbers, classes = arrays[f"det_{case}_pid"].astype(int), arrays[f"det_{case}_pcls"].astype(int)
    scores = np.zeros((len(boxes), int(classes.max(initial=0)) + 1), dtype=np.float32)
    scores[numbers, classes] = arrays[f"det_{case}_pval"]
    return DarknetCandidates(*(torch.from_numpy(values) for values in (boxes, objectness, scores)))


def _compare_candidates(
    total: Agreement, ours: DarknetCandidates, theirs: DarknetCandidates, threshold: float, scale: Floats, noise: float
) -> None:
    total.boxes += len(theirs.objectness)
    ours, theirs = _decided(ours, threshold), _decided(theirs, threshold)
    total.other_boxes += abs(len(ours.objectness) - len(theirs.objectness))
    if len(ours.objectness) != len(theirs.objectness):
        return
    golden_boxes = theirs.boxes_cxcywh.numpy() * scale
    total.add_boxes(ours.boxes_cxcywh.numpy() * scale - golden_boxes, golden_boxes[:, 2:], noise)
    errors = [_largest((ours.objectness - theirs.objectness).numpy())]
    mine, golden = _pairs(ours), _pairs(theirs)
    both = mine.keys() & golden.keys()
    errors += [abs(mine[pair] - golden[pair]) for pair in both]
    total.score_error = max(total.score_error, *errors)
    total.pairs += len(golden)
    everything = {**mine, **golden}.items()
    total.other_pairs += sum(pair not in both and abs(score - threshold) > UNDECIDED for pair, score in everything)


def _decided(candidates: DarknetCandidates, threshold: float) -> DarknetCandidates:
    """The boxes whose objectness is not too near to the threshold."""
    kept = (candidates.objectness - threshold).abs() > UNDECIDED
    return DarknetCandidates(candidates.boxes_cxcywh[kept], candidates.objectness[kept], candidates.scores[kept])


def _pairs(candidates: DarknetCandidates) -> Pairs:
    scores = candidates.scores.numpy()
    return {(int(box), int(class_)): float(scores[box, class_]) for box, class_ in np.argwhere(scores != 0)}


def _in_image(boxes_cxcywh: Floats, size: tuple[int, int], *, letterboxed: bool) -> Floats:
    """Fractions of the network input to pixels of the image."""
    image: Floats = np.array([IMAGE[1], IMAGE[0]] * 2, np.float64)
    if not letterboxed:
        return np.asarray(boxes_cxcywh * image)
    height, width = letterboxed_size(IMAGE, size[1], size[0])
    share = np.array([width / size[1], height / size[0]])
    centre = (boxes_cxcywh[:, :2] - (1 - share) / 2) / share
    return np.asarray(np.concatenate([centre, boxes_cxcywh[:, 2:] / share], axis=1) * image)


def _largest(difference: Floats) -> float:
    return float(np.abs(difference).max(initial=0.0))
