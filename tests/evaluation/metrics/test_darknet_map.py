import pytest

from tests.evaluation.splits import flat_detections, image_record
from yolo.data.index import Index
from yolo.evaluation.metrics.darknet_map import compute_darknet_map

ONE = Index.from_records(["a", "b"], [image_record([[0, 0, 10, 10]], [0])])


def test_best_score_is_the_true_positive_and_classes_without_ground_truth_count_as_zero() -> None:
    # The better box has the lower score: it is a false positive, though in COCO it would match at higher thresholds.
    detections = flat_detections([(0, [0, 0, 10, 6], 0.9, 0), (0, [0, 0, 10, 10], 0.8, 0), (0, [0, 0, 10, 10], 0.7, 1)])
    got = compute_darknet_map(ONE, detections, iou_threshold=0.5, points=0, confidence=0.25)
    assert [row.ap for row in got.classes] == [1, 0]
    assert got.mean_ap == 0.5
    assert (got.tp, got.fp, got.fn, got.num_detections) == (1, 2, 0, 3)
    assert got.average_iou == pytest.approx(0.6 / 3)


def test_iou_must_exceed_the_threshold() -> None:
    detections = flat_detections([(0, [0, 0, 10, 5], 0.9, 0)])
    assert compute_darknet_map(ONE, detections, iou_threshold=0.5, points=0, confidence=0.25).tp == 0
    assert compute_darknet_map(ONE, detections, iou_threshold=0.49, points=0, confidence=0.25).tp == 1


def test_counts_use_the_order_of_boxes_instead_of_the_score() -> None:
    # A box below the threshold comes first and takes the object: the one above is FP in the counts, but TP in the AP.
    detections = flat_detections([(0, [0, 0, 10, 9], 0.1, 0), (0, [0, 0, 10, 10], 0.9, 0)])
    got = compute_darknet_map(ONE, detections, iou_threshold=0.5, points=0, confidence=0.25)
    assert (got.tp, got.fp, got.classes[0].ap) == (0, 1, 1)


def test_detection_matches_the_box_it_overlaps_most_even_if_taken() -> None:
    two = Index.from_records(["a"], [image_record([[0, 0, 10, 10], [0, 2, 10, 12]], [0, 0])])
    detections = flat_detections(
        [(0, [0, 0, 10, 10], 0.9, 0), (0, [0, 0.5, 10, 10.5], 0.8, 0)]
    )  # both overlap the first most
    got = compute_darknet_map(two, detections, iou_threshold=0.5, points=0, confidence=0.25)
    assert (got.tp, got.fp, got.fn) == (1, 1, 1)


def test_detection_on_a_difficult_object_is_not_ranked_but_counts_as_false_positive() -> None:
    index = Index.from_records(["a"], [image_record([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 0], [False, True])])
    detections = flat_detections([(0, [50, 50, 60, 60], 0.9, 0), (0, [0, 0, 10, 10], 0.8, 0)])
    got = compute_darknet_map(index, detections, iou_threshold=0.5, points=11, confidence=0.25)
    assert (got.num_detections, got.classes[0].ap) == (1, 1)
    assert (got.tp, got.fp, got.fn) == (1, 1, 0)


def test_detections_of_images_in_any_order() -> None:
    index = Index.from_records(["a"], [image_record([[0, 0, 10, 10]], [0]), image_record([[20, 20, 40, 40]], [0])])
    detections = flat_detections(
        [(1, [20, 20, 40, 40], 0.9, 0), (0, [0, 0, 10, 10], 0.8, 0), (1, [20, 20, 40, 41], 0.95, 0)]
    )
    got = compute_darknet_map(index, detections, iou_threshold=0.5, points=0, confidence=0.25)
    assert got.classes[0].ap == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)
    assert (got.tp, got.fp, got.fn) == (2, 1, 0)
