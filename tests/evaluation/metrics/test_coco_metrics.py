import contextlib
import io
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.evaluation.splits import flat_detections, image_record, random_split
from yolo.data.image_weights import ap_name
from yolo.data.index import Index
from yolo.evaluation.metrics.coco_metrics import CocoMetrics, compute_coco_metrics
from yolo.evaluation.metrics.flat_detections import FlatDetections

Array = npt.NDArray[np.float64]


def pycocotools_run(index: Index, detections: FlatDetections) -> Any:
    """Evaluate with pycocotools: a COCOeval."""
    coco, cocoeval = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    annotations: list[dict[str, object]] = []
    for image in range(len(index)):
        for (x1, y1, x2, y2), class_id, crowd in zip(
            index.boxes_xyxy(image).tolist(), index.class_ids(image), index.ignore(image), strict=True
        ):
            area = float(index.all_areas[len(annotations)])
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": int(class_id), "iscrowd": int(crowd)}
                | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": area}
            )
    with contextlib.redirect_stdout(io.StringIO()):
        coco_gt = coco.COCO()
        coco_gt.dataset = {
            "info": {},
            "images": [{"id": i, "width": 200, "height": 200} for i in range(len(index))],
            "categories": [{"id": i, "name": name} for i, name in enumerate(index.names)],
            "annotations": annotations,
        }
        coco_gt.createIndex()
        results = coco_gt.loadRes(
            [
                {"image_id": int(i), "category_id": int(c), "score": float(s)} | {"bbox": [x1, y1, x2 - x1, y2 - y1]}
                for i, (x1, y1, x2, y2), s, c in zip(
                    detections.image_id, detections.xyxy.tolist(), detections.score, detections.class_id, strict=True
                )
            ]
        )
        run = cocoeval.COCOeval(coco_gt, results, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


def match_directly(index: Index, detections: FlatDetections) -> list[tuple[float, int, bool]]:
    """Return (score, class, is_tp) of the counted detections, by COCO's matching at IoU .5 written out plainly."""
    out = []
    for image in range(len(index)):
        for class_id in range(len(index.names)):
            of_class = np.flatnonzero(index.class_ids(image) == class_id)
            gt_xyxy, crowd = index.boxes_xyxy(image)[of_class], index.ignore(image)[of_class]
            taken = np.zeros(len(of_class), np.bool_)
            which = np.flatnonzero((detections.image_id == image) & (detections.class_id == class_id))
            for d in which[np.argsort(-detections.score[which], kind="stable")]:
                best, best_overlap = -1, 0.5
                for t in np.flatnonzero(~crowd & ~taken):
                    if (overlap := direct_iou(detections.xyxy[d], gt_xyxy[t], crowd=False)) >= best_overlap:
                        best, best_overlap = int(t), overlap
                if best >= 0:
                    taken[best] = True
                    out.append((float(detections.score[d]), class_id, True))
                elif not any(direct_iou(detections.xyxy[d], box, crowd=True) >= 0.5 for box in gt_xyxy[crowd]):
                    out.append((float(detections.score[d]), class_id, False))
    return out


def direct_iou(a: Array, b: Array, *, crowd: bool) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    area_a, area_b = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    return float(inter / (area_a if crowd else area_a + area_b - inter))


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_equals_pycocotools(seed: int) -> None:
    index, detections = random_split(seed)
    expected: Array = pycocotools_run(index, detections).eval["precision"][:, :, :, 0, 2]  # (threshold, recall, class)
    got = compute_coco_metrics(index, detections)
    per_class = np.where(expected > -1, expected, np.nan).mean(axis=1)  # (threshold, class)
    np.testing.assert_allclose([c.map50 for c in got.classes], per_class[0], atol=1e-9)
    np.testing.assert_allclose([c.map50_95 for c in got.classes], per_class.mean(axis=0), atol=1e-9)
    assert got.map50_95 == pytest.approx(expected[expected > -1].mean(), abs=1e-9)
    assert got.map50 == pytest.approx(expected[0][expected[0] > -1].mean(), abs=1e-9)
    assert got.map75 == pytest.approx(expected[5][expected[5] > -1].mean(), abs=1e-9)
    assert math.isnan(got.classes[-1].map50)
    assert 0.05 < got.map50_95 < 0.95


@pytest.mark.parametrize("seed", range(4))
def test_cocos_twelve_metrics_equal_pycocotools(seed: int) -> None:
    index, detections = random_split(seed, num_images=40)
    outlines = np.random.default_rng(seed).uniform(0.3, 1, len(index.all_areas)) * index.all_areas
    index = replace(index, all_areas=outlines)
    got = compute_coco_metrics(index, detections)
    expected = pycocotools_run(index, detections).stats
    np.testing.assert_allclose(
        [
            *(got.map50_95, got.map50, got.map75, got.map_small, got.map_medium, got.map_large),
            *(got.recall_1, got.recall_10, got.recall_100, got.recall_small, got.recall_medium, got.recall_large),
        ],
        np.where(expected > -1, expected, np.nan),
        atol=1e-9,
    )
    assert len({round(float(number), 6) for number in expected}) > 9  # 10 and 100 a class may be the same here


@pytest.mark.parametrize("seed", range(4))
def test_precision_and_recall_equal_a_search_over_all_thresholds(seed: int) -> None:
    index, detections = random_split(seed)
    matched = match_directly(index, detections)
    num_gt = [int(np.sum((index.all_class_ids == k) & ~index.all_ignore)) for k in range(3)]
    best = (-1.0, 0.0, [0.0], [0.0])
    for threshold in sorted({score for score, _, _ in matched}, reverse=True):
        num_accepted = [sum(s >= threshold and c == k for s, c, _ in matched) for k in range(3)]
        num_tp = [sum(s >= threshold and c == k and h for s, c, h in matched) for k in range(3)]
        f1 = float(np.mean([2 * tp / (n + gt) for tp, n, gt in zip(num_tp, num_accepted, num_gt, strict=True)]))
        precision = [tp / max(n, 1) for tp, n in zip(num_tp, num_accepted, strict=True)]
        recall = [tp / gt for tp, gt in zip(num_tp, num_gt, strict=True)]
        if f1 > best[0] + 1e-12:
            best = (f1, threshold, precision, recall)
    got = compute_coco_metrics(index, detections)
    assert got.confidence == best[1]
    assert [c.precision for c in got.classes[:3]] == pytest.approx(best[2])
    assert [c.recall for c in got.classes[:3]] == pytest.approx(best[3])
    assert got.precision == pytest.approx(np.mean(best[2]))
    assert got.recall == pytest.approx(np.mean(best[3]))


def by_hand() -> CocoMetrics:
    """Class "a": objects A, B and a crowd; class "b": no objects; class "c": an object, no detections.

    Detections of "a", best first: .9 on A with IoU .8; .8 FP; .7 on the crowd, not counted; .6 exactly on B.
    """
    index = Index.from_records(
        ["a", "b", "c"],
        [
            image_record([[0, 0, 10, 10], [100, 100, 150, 150]], [0, 0], [False, True]),
            image_record([[20, 20, 40, 40], [0, 0, 9, 9]], [0, 2]),
        ],
    )
    return compute_coco_metrics(
        index,
        flat_detections(
            [
                (0, [0, 0, 10, 8], 0.9, 0),
                (0, [60, 60, 70, 70], 0.8, 0),
                (0, [110, 110, 120, 120], 0.7, 0),
                (1, [20, 20, 40, 40], 0.6, 0),
            ]
        ),
    )


def test_example_worked_by_hand() -> None:
    got = by_hand()
    a, b, c = got.classes
    # Precision is 1 up to recall 1/2 (51 of 101 points), then 2/3 (50 points).
    ap50 = (51 + 50 * 2 / 3) / 101
    assert a.map50 == pytest.approx(ap50)
    # Above IoU .8 only B is a TP, the third of three counted: precision 1/3 up to recall 1/2. At .80 A still is one:
    # 80 / 100 is exactly the threshold.
    assert a.map50_95 == pytest.approx((7 * ap50 + 3 * (51 / 3) / 101) / 10)
    assert (a.num_images, a.num_gt, b.num_images, b.num_gt, c.num_images, c.num_gt) == (2, 2, 0, 0, 1, 1)
    assert a.curve50 == pytest.approx([1.0] * 51 + [2 / 3] * 50)
    assert (b.curve50, c.curve50) == ((), (0.0,) * 101)
    assert math.isnan(b.map50)
    assert c.map50 == 0
    assert got.map50 == pytest.approx(ap50 / 2)
    # F1 of "a": 2/3 at .9, 1/2 at .8, 4/5 at .6, so .6 is best: 2 of 3 detections, 2 of 2 objects.
    assert got.confidence == 0.6
    assert (a.precision, a.recall) == pytest.approx((2 / 3, 1))
    assert (c.precision, c.recall) == (0, 0)
    assert (got.precision, got.recall) == pytest.approx((1 / 3, 1 / 2))
    assert (got.num_images, got.num_gt) == (2, 3)


def test_matches_at_iou_half_are_not_mixed_with_those_at_higher_thresholds() -> None:
    # At IoU .5 the first detection takes the only object, from .65 on the second does. Only one is a TP at .5.
    index = Index.from_records(["a"], [image_record([[0, 0, 10, 10]], [0])])
    got = compute_coco_metrics(index, flat_detections([(0, [0, 0, 10, 6], 0.9, 0), (0, [0, 0, 10, 9], 0.8, 0)]))
    assert (got.precision, got.recall, got.confidence) == (1, 1, 0.9)


def test_only_the_best_hundred_detections_of_an_image_count() -> None:
    index = Index.from_records(["a"], [image_record([[0, 0, 10, 10]], [0])] * 2)
    wrong = [(0, [50.0, 50.0, 60.0, 60.0], 0.5 + i / 1000, 0) for i in range(100)]
    right = [(0, [0.0, 0.0, 10.0, 10.0], 0.2, 0), (1, [0.0, 0.0, 10.0, 10.0], 0.1, 0)]
    # The TP in image 0 is its 101st detection: not counted.
    got = compute_coco_metrics(index, flat_detections(right + wrong))
    assert (got.recall, got.precision) == pytest.approx((1 / 2, 1 / 101))
    # With one false positive less it is the 100th.
    got = compute_coco_metrics(index, flat_detections(right + wrong[1:]))
    assert (got.recall, got.precision) == pytest.approx((1, 2 / 101))


def test_no_detections() -> None:
    got = compute_coco_metrics(
        Index.from_records(["a", "b"], [image_record([[0, 0, 10, 10]], [0])]), flat_detections([])
    )
    assert (got.map50, got.map75, got.map50_95, got.precision, got.recall) == (0, 0, 0, 0, 0)
    assert math.isnan(got.confidence)


@pytest.mark.parametrize(
    "index",
    [
        Index.from_records(["a"], [image_record([], [])]),  # an image without ground truth
        Index.from_records(["a"], [image_record([[0, 0, 10, 10]], [0], [True])]),  # only a crowd
    ],
)
@pytest.mark.parametrize("detections", [flat_detections([]), flat_detections([(0, [0, 0, 10, 10], 0.5, 0)])])
def test_no_ground_truth(index: Index, detections: FlatDetections) -> None:
    got = compute_coco_metrics(index, detections)
    assert all(math.isnan(value) for value in got.scalars().values())
    assert (got.num_gt, got.classes[0].num_images) == (0, 0)


def test_no_images() -> None:
    got = compute_coco_metrics(Index.from_records(["a"], []), flat_detections([]))
    assert math.isnan(got.map50)
    assert got.num_images == 0


def test_scalars_and_json() -> None:
    got = by_hand()
    assert got.scalars() == {
        "metrics/precision": got.precision,
        "metrics/recall": got.recall,
        "metrics/mAP50": got.map50,
        "metrics/mAP75": got.map75,
        "metrics/mAP50-95": got.map50_95,
    }
    assert got.class_scalars() == {ap_name("a"): got.classes[0].map50_95, ap_name("c"): 0.0}  # "b" has no objects
    parsed = json.loads(json.dumps(got.as_json(), allow_nan=False))
    assert parsed["confidence"] == 0.6
    assert parsed["classes"][1] == {
        "name": "b",
        "images": 0,
        "truths": 0,
        "map50": None,
        "map50_95": None,
        "precision": None,
        "recall": None,
    }
