"""Fit anchors to the boxes of a data set. Knows no network: anchors and boxes come as arrays.

Axes: N boxes, A anchors. Shapes are (width, height), pixels of the network input.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from yolo.boxes.box_ops import wh_iou
from yolo.log import progress

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index

_log = logging.getLogger(__name__)

GOOD_RECALL = 0.98  # below this training warns
MAX_SHAPES = 50_000  # boxes that the search looks at; the result is measured on all
RESTARTS = 5  # of k-means
MAX_ROUNDS = 100  # of one k-means
GENERATIONS = 2000
MUTATION = (0.15, 0.01)  # relative change of a side, first and last generation
MUTATED_PART = 0.4  # of the sides in a generation
DIGITS = 1  # behind the point of a written side


class Quality(NamedTuple):
    """How well anchors fit boxes."""

    recall: float  # best possible: the fraction of the boxes that training assigns to some anchor
    mean_iou: float  # of each box with its best anchor, both laid on one centre


def letterboxed_shapes(index: Index, size_wh: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return (N, 2), the boxes of a split as a letterboxed network input shows them; ignored ones are left out."""
    sizes = np.repeat(index.sizes, np.diff(index.box_ends), axis=0)
    scale = (np.array(size_wh) / np.maximum(sizes, 1)).min(axis=1, initial=np.inf, keepdims=True)
    boxes = index.all_boxes_xyxy
    return np.asarray(((boxes[:, 2:] - boxes[:, :2]) * scale)[~index.all_ignore])


def measure(shapes: npt.NDArray[np.float64], anchors: npt.NDArray[np.float64], threshold: float) -> Quality:
    """Return best possible recall and mean best IoU.

    Args:
        shapes: (N, 2), at least one.
        anchors: (A, 2).
        threshold: the IoU of shapes above which training assigns an anchor to a box (`iou_t`).
    """
    best = _iou(shapes, anchors).max(axis=1)
    return Quality(float((best > threshold).mean()), float(best.mean()))


def find_anchors(
    shapes: npt.NDArray[np.float64],
    num: int,
    *,
    threshold: float,
    seed: int,
    start: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float64]:
    """Return the anchors of the largest mean best IoU: k-means with the distance 1 - IoU, refined by mutation.

    Args:
        shapes: (N, 2), at least one, all above 0.
        num: how many anchors.
        threshold: of recall, as in `measure`.
        seed: equal seeds give equal anchors.
        start: (A, 2), anchors to compare with: with A <= num the result is at least as good in recall, and in mean
            IoU too unless recall was below 0.98 and rises.

    Returns:
        (num, 2), the smallest area first, sides rounded to a tenth of a pixel.

    Source: k-means on box shapes: arXiv:1612.08242 (YOLO9000).
    """
    rng = np.random.default_rng(seed)
    few = shapes if len(shapes) <= MAX_SHAPES else rng.choice(shapes, MAX_SHAPES, replace=False)
    floor = max(GOOD_RECALL, measure(shapes, start, threshold).recall if start is not None else 0.0)

    def goodness(anchors: npt.NDArray[np.float64], among: npt.NDArray[np.float64]) -> tuple[float, float]:
        quality = measure(among, anchors, threshold)
        return min(quality.recall, floor), quality.mean_iou

    found = max((kmeans(few, num, rng) for _ in range(RESTARTS)), key=lambda anchors: goodness(anchors, few))
    candidates = [_rounded(found)]
    best = goodness(candidates[0], few)
    for sigma in progress(np.geomspace(*MUTATION, GENERATIONS), "refine anchors", delay=1):
        changed = rng.random(found.shape) < MUTATED_PART
        mutant = _rounded(candidates[0] * np.exp(sigma * rng.standard_normal(found.shape) * changed))
        score = goodness(mutant, few)
        if score > best:
            candidates[0], best = mutant, score
    if start is not None and len(start) <= num:
        candidates.append(np.concatenate([start, candidates[0][: num - len(start)]]))
    chosen = max(candidates, key=lambda anchors: goodness(anchors, shapes))
    return np.asarray(chosen[np.argsort(chosen.prod(axis=1), kind="stable")])


def kmeans(shapes: npt.NDArray[np.float64], num: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return (num, 2), the means of clusters of shapes by the distance 1 - IoU, from a k-means++ start."""
    centres = shapes[rng.integers(len(shapes), size=1)]
    while len(centres) < num:
        distance = np.square(1 - _iou(shapes, centres).max(axis=1)) + 1e-12  # never all 0
        centres = np.concatenate([centres, shapes[rng.choice(len(shapes), size=1, p=distance / distance.sum())]])
    nearest = np.full(len(shapes), -1)
    for _ in range(MAX_ROUNDS):
        previous, nearest = nearest, _iou(shapes, centres).argmax(axis=1)
        if (nearest == previous).all():
            break
        for i in np.unique(nearest):  # a centre without a shape stays where it is
            centres[i] = shapes[nearest == i].mean(axis=0)
    return centres


def warn_of_poor_anchors(
    index: Index, anchors: npt.NDArray[np.float64], size_wh: tuple[int, int], threshold: float, cfg: str
) -> None:
    """Warn if training assigns no anchor to many boxes of a split."""
    shapes = letterboxed_shapes(index, size_wh)
    if not len(shapes):
        return
    recall = measure(shapes, anchors, threshold).recall
    if recall < GOOD_RECALL:
        _log.warning(
            "%s: only %.1f%% of the training boxes have an anchor (shape IoU above %g): the others are never "
            "learnt; `python -m yolo.anchors --cfg %s --data ... --out ...` fits them to the data",
            cfg, 100 * recall, threshold, cfg,
        )  # fmt: skip


def _rounded(anchors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.maximum(anchors.round(DIGITS), 10.0**-DIGITS)


def _iou(shapes: npt.NDArray[np.float64], anchors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(wh_iou(torch.from_numpy(shapes), torch.from_numpy(anchors)).numpy(), np.float64)
