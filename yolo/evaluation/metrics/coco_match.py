"""COCO's matching of detections with truth, through `faster-coco-eval`.

Axes: D detections over all images, K classes, T IoU thresholds .50 .55 ... .95, R recalls 0 .01 ... 1, A areas,
M numbers of detections per image and class.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from faster_coco_eval.core.coco import COCO
from faster_coco_eval.core.faster_eval_api import COCOeval_faster

from yolo.evaluation.metrics.flat_detections import FlatDetections, image_of_truth

if TYPE_CHECKING:
    import numpy.typing as npt

    from yolo.data.index import Index

_log = logging.getLogger(__name__)

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREAS = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}  # pixels^2
MAX_DETECTIONS = (1, 10, 100)  # per image and class, COCO's numbers


@dataclass(frozen=True, slots=True)
class Matches:
    """What became of each detection at IoU .5."""

    detections: FlatDetections  # at most 100 of each image and class; by image, then class, best first
    truth: npt.NDArray[np.int64]  # (D,), number of the truth that it has, -1 for none
    counted: npt.NDArray[np.bool_]  # (D,), false on ignored truth: neither hit nor miss
    hit: npt.NDArray[np.bool_]  # (D,)


@dataclass(frozen=True, slots=True)
class CocoCurves:
    """What COCO's numbers are means of; -1 where the split holds no truth of the class (and area)."""

    precision: npt.NDArray[np.float64]  # (T, R, K, A, M)
    recall: npt.NDArray[np.float64]  # (T, K, A, M)


class CocoMatcher:
    """Truth and detections of a split, ready to be compared.

    Args:
        index: the truth; every image counts, detected in or not. What it ignores is COCO's crowd: what lies on it is
            neither hit nor miss, any number of times.
        detections: in any order; equal scores count in the order given.
    """

    def __init__(self, index: Index, detections: FlatDetections) -> None:
        self._index = index
        self._detections = _best_of_each_image_and_class(detections)
        self._is_empty = not index.names or not len(index)
        if not self._is_empty:
            self._truth, self._found = COCO(_truth_set(index)), COCO(_detection_set(index, self._detections))

    def curves(self) -> CocoCurves:
        """Precision and recall at every threshold, recall, class, area and number of detections."""
        shape = (len(self._index.names), len(AREAS), len(MAX_DETECTIONS))
        if self._is_empty:
            return CocoCurves(np.full((10, 1, *shape), -1.0), np.full((10, *shape), -1.0))
        result = self._run(IOU_THRESHOLDS, AREAS, MAX_DETECTIONS)
        return CocoCurves(np.asarray(result["precision"]), np.asarray(result["recall"]))

    def matches(self) -> Matches:
        """Which detection has which truth at IoU .5."""
        # A run of its own: over several thresholds the library merges matches that exclude each other.
        run = {} if self._is_empty else self._run(IOU_THRESHOLDS[:1], {"all": AREAS["all"]}, MAX_DETECTIONS[-1:])
        pairs = [key.split("_") for key in run.get("matched", ())]
        detection, of_truth = np.array(pairs, np.int64).reshape(-1, 2).T - 1
        truth = np.full(len(self._detections), -1)
        truth[detection] = of_truth
        ignored = np.append(self._index.all_ignore, False)[truth]  # the last one is for -1
        return Matches(self._detections, truth, counted=~ignored, hit=(truth >= 0) & ~ignored)

    def _run(
        self, iou_thresholds: npt.NDArray[np.float64], areas: dict[str, tuple[float, float]], most: tuple[int, ...]
    ) -> dict[str, Any]:
        run = COCOeval_faster(self._truth, self._found, "bbox", print_function=_log.debug)
        run.params.iouThrs = iou_thresholds
        run.params.areaRng, run.params.areaRngLbl = [list(limits) for limits in areas.values()], list(areas)
        run.params.maxDets = list(most)
        run.evaluate()
        run.accumulate()
        result: dict[str, Any] = run.eval
        return result


def _best_of_each_image_and_class(detections: FlatDetections) -> FlatDetections:
    """At most 100 of each image and class, in a stable order: image, class, best first."""
    order = np.lexsort((-detections.score, detections.class_id, detections.image_id))
    image_id, class_id = detections.image_id[order], detections.class_id[order]
    new_group = np.flatnonzero(np.diff(image_id, prepend=-1) | np.diff(class_id, prepend=-1))
    sizes = np.diff(new_group, append=len(order))
    rank = np.arange(len(order)) - np.repeat(new_group, sizes)
    return detections[order[rank < MAX_DETECTIONS[-1]]]


def _truth_set(index: Index) -> dict[str, Any]:
    annotations = _annotations(image_of_truth(index), index.all_class_ids, index.all_boxes_xyxy)
    rows = zip(annotations, index.all_ignore.tolist(), index.all_areas.tolist(), strict=True)
    for annotation, ignore, area in rows:
        annotation["iscrowd"] = int(ignore)
        annotation["area"] = area
    return _data_set(index, annotations)


def _detection_set(index: Index, detections: FlatDetections) -> dict[str, Any]:
    annotations = _annotations(detections.image_id, detections.class_id, detections.xyxy)
    for annotation, score in zip(annotations, detections.score.tolist(), strict=True):
        annotation["score"] = score
    return _data_set(index, annotations)


def _data_set(index: Index, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    images = [{"id": i, "width": int(w), "height": int(h)} for i, (w, h) in enumerate(index.sizes)]
    categories = [{"id": i, "name": name} for i, name in enumerate(index.names)]
    return {"images": images, "categories": categories, "annotations": annotations}


def _annotations(
    image_id: npt.NDArray[np.int64], class_id: npt.NDArray[np.int64], boxes_xyxy: npt.NDArray[np.float64]
) -> list[dict[str, Any]]:
    """COCO's records; ids count from 1, because 0 means "not matched"."""
    corner_and_size = np.concatenate([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]], axis=1)
    rows = zip(image_id.tolist(), class_id.tolist(), corner_and_size.tolist(), strict=True)
    return [
        {"id": i, "image_id": image, "category_id": category, "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0}
        for i, (image, category, bbox) in enumerate(rows, start=1)
    ]
