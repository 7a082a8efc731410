"""COCO's matching of detections to ground truth, computed by `faster-coco-eval`.

Axes: D detections over all images, K classes, T IoU thresholds .50 .55 ... .95, R recalls 0 .01 ... 1, A object areas,
M limits on the number of detections per image and class.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from faster_coco_eval.core.coco import COCO
from faster_coco_eval.core.faster_eval_api import COCOeval_faster

from yolo.evaluation.metrics.flat_detections import FlatDetections, gt_image_ids

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index

logger = logging.getLogger(__name__)

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREAS = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}  # pixels^2
MAX_DETECTIONS = (1, 10, 100)  # per image and class, COCO's limits


@dataclass(frozen=True, slots=True)
class CocoMatches:
    """The ground-truth box that each detection is matched to at IoU .5."""

    detections: FlatDetections  # at most 100 of each image and class; by image, then class, best first
    gt_id: npt.NDArray[np.int64]  # (D,), position of the ground-truth box in the index, -1 for none
    is_counted: npt.NDArray[np.bool_]  # (D,), false on an ignored box: neither true nor false positive
    is_tp: npt.NDArray[np.bool_]  # (D,)


@dataclass(frozen=True, slots=True)
class CocoCurves:
    """The values that COCO's metrics average; -1 without ground truth of the class (and area)."""

    precision: npt.NDArray[np.float64]  # (T, R, K, A, M)
    recall: npt.NDArray[np.float64]  # (T, K, A, M)


class CocoMatcher:
    """Ground truth and detections of a split, ready to be matched.

    Args:
        index: the ground truth; images without detections count too. Ignored boxes are COCO's crowds: any number of
            detections on them is neither true nor false positive.
        detections: in any order; equal scores rank in the order given.
    """

    def __init__(self, index: Index, detections: FlatDetections) -> None:
        self._index = index
        self._detections = _best_of_each_image_and_class(detections)
        self._is_empty = not index.names or not len(index)
        if not self._is_empty:
            self._coco_gt, self._coco_dt = COCO(_gt_dataset(index)), COCO(_detection_dataset(index, self._detections))

    def compute_curves(self) -> CocoCurves:
        """Compute precision and recall at every threshold, recall, class, area and limit."""
        shape = (len(self._index.names), len(AREAS), len(MAX_DETECTIONS))
        if self._is_empty:
            return CocoCurves(np.full((10, 1, *shape), -1.0), np.full((10, *shape), -1.0))
        result = self._evaluate(IOU_THRESHOLDS, AREAS, MAX_DETECTIONS)
        return CocoCurves(np.asarray(result["precision"]), np.asarray(result["recall"]))

    def match_at_iou50(self) -> CocoMatches:
        """Match detections to ground truth at IoU .5."""
        # Evaluated separately: over several thresholds the library merges matches that exclude each other.
        result = (
            {} if self._is_empty else self._evaluate(IOU_THRESHOLDS[:1], {"all": AREAS["all"]}, MAX_DETECTIONS[-1:])
        )
        pairs = [key.split("_") for key in result.get("matched", ())]
        detection_id, matched_gt_id = np.array(pairs, np.int64).reshape(-1, 2).T - 1
        gt_id = np.full(len(self._detections), -1)
        gt_id[detection_id] = matched_gt_id
        is_ignored = np.append(self._index.all_ignore, False)[gt_id]  # the appended one is for gt_id -1
        return CocoMatches(self._detections, gt_id, is_counted=~is_ignored, is_tp=(gt_id >= 0) & ~is_ignored)

    def _evaluate(
        self,
        iou_thresholds: npt.NDArray[np.float64],
        areas: dict[str, tuple[float, float]],
        max_detections: tuple[int, ...],
    ) -> dict[str, Any]:
        coco_eval = COCOeval_faster(self._coco_gt, self._coco_dt, "bbox", print_function=logger.debug)
        coco_eval.params.iouThrs = iou_thresholds
        coco_eval.params.areaRng = [list(limits) for limits in areas.values()]
        coco_eval.params.areaRngLbl = list(areas)
        coco_eval.params.maxDets = list(max_detections)
        coco_eval.evaluate()
        coco_eval.accumulate()
        result: dict[str, Any] = coco_eval.eval
        return result


def xyxy_to_coco_bbox(boxes_xyxy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert boxes (N, 4) to COCO's `bbox`: left, top, width, height."""
    return np.concatenate([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]], axis=1)


def _best_of_each_image_and_class(detections: FlatDetections) -> FlatDetections:
    """Return at most 100 detections of each image and class, sorted by image, class and descending score, stably."""
    order = np.lexsort((-detections.score, detections.class_id, detections.image_id))
    image_id, class_id = detections.image_id[order], detections.class_id[order]
    group_starts = np.flatnonzero(np.diff(image_id, prepend=-1) | np.diff(class_id, prepend=-1))
    group_sizes = np.diff(group_starts, append=len(order))
    rank = np.arange(len(order)) - np.repeat(group_starts, group_sizes)
    return detections[order[rank < MAX_DETECTIONS[-1]]]


def _gt_dataset(index: Index) -> dict[str, Any]:
    annotations = _annotations(gt_image_ids(index), index.all_class_ids, index.all_boxes_xyxy)
    rows = zip(annotations, index.all_ignore.tolist(), index.all_areas.tolist(), strict=True)
    for annotation, ignore, area in rows:
        annotation["iscrowd"] = int(ignore)
        annotation["area"] = area
    return _dataset(index, annotations)


def _detection_dataset(index: Index, detections: FlatDetections) -> dict[str, Any]:
    annotations = _annotations(detections.image_id, detections.class_id, detections.xyxy)
    for annotation, score in zip(annotations, detections.score.tolist(), strict=True):
        annotation["score"] = score
    return _dataset(index, annotations)


def _dataset(index: Index, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    images = [{"id": i, "width": int(w), "height": int(h)} for i, (w, h) in enumerate(index.sizes)]
    categories = [{"id": i, "name": name} for i, name in enumerate(index.names)]
    return {"images": images, "categories": categories, "annotations": annotations}


def _annotations(
    image_id: npt.NDArray[np.int64], class_id: npt.NDArray[np.int64], boxes_xyxy: npt.NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Return COCO's records; ids start at 1, because the library reads 0 as "not matched"."""
    rows = zip(image_id.tolist(), class_id.tolist(), xyxy_to_coco_bbox(boxes_xyxy).tolist(), strict=True)
    return [
        {"id": i, "image_id": image, "category_id": category, "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0}
        for i, (image, category, bbox) in enumerate(rows, start=1)
    ]
