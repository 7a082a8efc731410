"""The ground-truth box that each detection overlaps most. Axes: D detections and N ground-truth boxes of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from yolo.boxes.box_ops import pairwise_iou
from yolo.evaluation.metrics.flat_detections import group_by_image

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.flat_detections import FlatDetections

# Added to a box whose corners name its first and last pixel, gives the box between the pixels' edges.
PIXELS_TO_EDGES_XYXY = np.array([0.0, 0.0, 1.0, 1.0])


def iou_matrix(a_N4: npt.NDArray[np.float64], b_M4: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the IoU of each pair of boxes, xyxy: (N, M) in 0..1."""
    return np.asarray(pairwise_iou(torch.from_numpy(a_N4), torch.from_numpy(b_M4)).numpy(), np.float64)


def best_overlapping_gt(
    index: Index, detections: FlatDetections, is_candidate: npt.NDArray[np.bool_], *, inclusive: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Find the ground-truth box of its class that each detection overlaps most.

    Args:
        index: the ground truth.
        detections: in any order.
        is_candidate: (N,), the ground-truth boxes to choose from.
        inclusive: the corners of all boxes name their first and last pixel, so each box is a pixel wider and higher.

    Returns:
        Position of the box in the index (D,), -1 if none overlaps, and the IoU (D,); among equals the first box.
    """
    gt_id, gt_iou = np.full(len(detections), -1), np.zeros(len(detections))
    offset = PIXELS_TO_EDGES_XYXY if inclusive else 0
    for image, in_image in enumerate(group_by_image(index, detections.image_id)):
        start, end = index.box_ends[image : image + 2]
        if len(in_image) == 0 or start == end:
            continue
        same_class_DN = index.all_class_ids[start:end] == detections.class_id[in_image][:, None]
        iou_DN = iou_matrix(detections.xyxy[in_image] + offset, index.all_boxes_xyxy[start:end] + offset)
        iou_DN = iou_DN * (is_candidate[start:end] & same_class_DN)
        best = iou_DN.argmax(axis=1)
        gt_iou[in_image] = iou_DN[np.arange(len(in_image)), best]
        gt_id[in_image] = np.where(gt_iou[in_image] > 0, start + best, -1)
    return gt_id, gt_iou


def is_first_match(gt_id: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return whether each detection is the first with its ground-truth box, (D,); false where `gt_id` is -1."""
    is_first = np.zeros(len(gt_id), np.bool_)
    is_first[np.unique(gt_id, return_index=True)[1]] = True
    return is_first & (gt_id >= 0)
