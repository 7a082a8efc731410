"""Boxes, classes and survivors of suppression beside the C Darknet's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from yolo.layers.detection import Detection
from yolo.ops.darknet_image import letterboxed_size
from yolo.ops.darknet_nms import Candidates, DarknetNmsKind, suppress

if TYPE_CHECKING:
    from benchmarks.golden_reference import Floats, Run

Pairs = dict[tuple[int, int], float]  # (box, class) -> score

THRESHOLDS = {"t25": 0.25, "t005": 0.005}
UNDECIDED = 1e-4  # what is this near to a threshold may fall on either side
PICTURE = (427, 640)  # height, width of the letterboxed case
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
    survivors: int = 0
    other_survivors: int = 0


def compare(run: Run, arrays: dict[str, Floats]) -> Agreement:
    """Every case that the arrays hold, of a network with a head."""
    total = Agreement()
    size = (run.model.net.height, run.model.net.width)
    for case, threshold in THRESHOLDS.items():
        if f"det_{case}_box" not in arrays:
            continue
        ours = run.model.candidates(run.raw, size, threshold)[0]
        spec = run.model.heads[0].spec
        _compare_candidates(total, ours, arrays, case, threshold, size, in_pixels=isinstance(spec, Detection))
        for name, (kind, beta) in SUPPRESSIONS.items():
            if f"det_{case}_{name}_pid" in arrays:
                _compare_survivors(total, ours, arrays, case, threshold, suppress(ours, 0.45, kind, beta), name)
        if f"det_{case}_letter_box" in arrays and len(ours.objectness) == len(arrays[f"det_{case}_letter_box"]):
            mine = _in_picture(ours.boxes_cxcywh.numpy(), size, letterboxed=not isinstance(spec, Detection))
            total.box_error = max(total.box_error, _largest(mine - arrays[f"det_{case}_letter_box"]))
    return total


def _compare_candidates(
    total: Agreement,
    ours: Candidates,
    arrays: dict[str, Floats],
    case: str,
    threshold: float,
    size: tuple[int, int],
    *,
    in_pixels: bool,
) -> None:
    objectness = arrays[f"det_{case}_obj"]
    mine, theirs = _decided(ours.objectness.numpy(), threshold), _decided(objectness, threshold)
    total.boxes += len(objectness)
    total.other_boxes += abs(len(mine) - len(theirs))
    if len(mine) != len(theirs):
        return
    scale = np.array([size[1], size[0]] * 2)
    golden_box = arrays[f"det_{case}_box"][theirs] * (1 if in_pixels else scale)
    total.box_error = max(total.box_error, _largest(ours.boxes_cxcywh.numpy()[mine] * scale - golden_box))
    total.score_error = max(total.score_error, _largest(ours.objectness.numpy()[mine] - objectness[theirs]))
    my_pairs, golden_pairs = _pairs(ours, mine), _golden_pairs(arrays, case, theirs)
    total.pairs += len(golden_pairs)
    both = my_pairs.keys() & golden_pairs.keys()
    total.score_error = max([total.score_error, *(abs(my_pairs[pair] - golden_pairs[pair]) for pair in both)])
    alone = {**my_pairs, **golden_pairs}.items()
    total.other_pairs += sum(p not in both and abs(score - threshold) > UNDECIDED for p, score in alone)


def _compare_survivors(
    total: Agreement,
    ours: Candidates,
    arrays: dict[str, Floats],
    case: str,
    threshold: float,
    left: Candidates,
    name: str,
) -> None:
    mine, theirs = _decided(ours.objectness.numpy(), threshold), _decided(arrays[f"det_{case}_obj"], threshold)
    if len(mine) != len(theirs):
        return
    scores = {**_pairs(ours, mine), **_golden_pairs(arrays, case, theirs)}
    place = {int(number): position for position, number in enumerate(theirs)}
    pids, classes = arrays[f"det_{case}_{name}_pid"], arrays[f"det_{case}_{name}_pcls"]
    golden = {(place[int(p)], int(c)) for p, c in zip(pids, classes, strict=True) if int(p) in place}
    differing = _pairs(left, mine).keys() ^ golden
    total.survivors += len(golden)
    total.other_survivors += sum(abs(scores[pair] - threshold) > UNDECIDED for pair in differing)


def _decided(objectness: Floats, threshold: float) -> npt.NDArray[np.intp]:
    """Numbers of the boxes that are not too near to the threshold."""
    return np.flatnonzero(np.abs(objectness - threshold) > UNDECIDED)


def _pairs(candidates: Candidates, numbers: npt.NDArray[np.intp]) -> Pairs:
    scores = candidates.scores.numpy()[numbers]
    return {(int(box), int(class_)): float(scores[box, class_]) for box, class_ in np.argwhere(scores != 0)}


def _golden_pairs(arrays: dict[str, Floats], case: str, numbers: npt.NDArray[np.intp]) -> Pairs:
    place = {int(number): position for position, number in enumerate(numbers)}
    columns = (arrays[f"det_{case}_{column}"] for column in ("pid", "pcls", "pval"))
    return {(place[int(p)], int(c)): float(v) for p, c, v in zip(*columns, strict=True) if int(p) in place}


def _in_picture(boxes_cxcywh: Floats, size: tuple[int, int], *, letterboxed: bool) -> Floats:
    """Fractions of the network input to pixels of the picture."""
    picture = np.array([PICTURE[1], PICTURE[0]] * 2)
    if not letterboxed:
        return boxes_cxcywh * picture
    height, width = letterboxed_size(PICTURE, size[1], size[0])
    share = np.array([width / size[1], height / size[0]])
    centre = (boxes_cxcywh[:, :2] - (1 - share) / 2) / share
    return np.concatenate([centre, boxes_cxcywh[:, 2:] / share], axis=1) * picture


def _largest(difference: Floats) -> float:
    return float(np.abs(difference).max(initial=0.0))
