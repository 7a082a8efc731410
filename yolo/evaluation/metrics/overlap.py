"""Which truth each detection overlaps most. Axes: D detections and N truths over all images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from yolo.boxes.box_ops import pairwise_iou
from yolo.evaluation.metrics.flat_detections import by_image

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.flat_detections import FlatDetections

INCLUSIVE = np.array([0.0, 0.0, 1.0, 1.0])  # makes corners that name pixels, the last one included, into edges


def overlaps(a_N4: npt.NDArray[np.float64], b_M4: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Pairwise IoU of boxes, xyxy: (N, M) in 0..1."""
    return np.asarray(pairwise_iou(torch.from_numpy(a_N4), torch.from_numpy(b_M4)).numpy(), np.float64)


def best_truths(
    index: Index, detections: FlatDetections, among: npt.NDArray[np.bool_], *, inclusive: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The truth of its own class that overlaps each detection most.

    Args:
        index: the truth.
        detections: in any order.
        among: (N,), which truths may be chosen.
        inclusive: boxes are of whole pixels and name the last one, so that each is a pixel wider.

    Returns:
        Its number in the index (D,), -1 if nothing overlaps, and the IoU (D,); of equal ones the first.
    """
    truth, overlap = np.full(len(detections), -1), np.zeros(len(detections))
    wider = INCLUSIVE if inclusive else 0
    for image, mine in enumerate(by_image(index, detections.image_id)):
        start, end = index.box_ends[image : image + 2]
        if len(mine) == 0 or start == end:
            continue
        allowed = among[start:end] & (index.all_class_ids[start:end] == detections.class_id[mine][:, None])
        iou_DN = overlaps(detections.xyxy[mine] + wider, index.all_boxes_xyxy[start:end] + wider) * allowed
        best = iou_DN.argmax(axis=1)
        overlap[mine] = iou_DN[np.arange(len(mine)), best]
        truth[mine] = np.where(overlap[mine] > 0, start + best, -1)
    return truth, overlap


def first_of_each(truth: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(D,): whether a detection is the first that has its truth; false where `truth` is -1."""
    first = np.zeros(len(truth), np.bool_)
    first[np.unique(truth, return_index=True)[1]] = True
    return first & (truth >= 0)
