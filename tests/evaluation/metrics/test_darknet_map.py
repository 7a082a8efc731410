import pytest

from tests.evaluation.metrics.test_coco_metrics import flat, record
from yolo.data.index import Index
from yolo.evaluation.metrics.darknet_map import darknet_metrics

ONE = Index.from_records(["a", "b"], [record([[0, 0, 10, 10]], [0])])


def test_the_first_by_score_is_the_hit_and_classes_without_truth_count_as_nothing() -> None:
    # The better box comes second: it is not the hit, though COCO would give it another chance at other thresholds.
    found = flat([(0, [0, 0, 10, 6], 0.9, 0), (0, [0, 0, 10, 10], 0.8, 0), (0, [0, 0, 10, 10], 0.7, 1)])
    got = darknet_metrics(ONE, found, iou_threshold=0.5, points=0, confidence=0.25)
    assert [row.ap for row in got.classes] == [1, 0]
    assert got.mean_ap == 0.5
    assert (got.tp, got.fp, got.fn, got.detections) == (1, 2, 0, 3)
    assert got.average_iou == pytest.approx(0.6 / 3)


def test_overlap_must_be_more_than_the_threshold() -> None:
    found = flat([(0, [0, 0, 10, 5], 0.9, 0)])
    assert darknet_metrics(ONE, found, iou_threshold=0.5, points=0, confidence=0.25).tp == 0
    assert darknet_metrics(ONE, found, iou_threshold=0.49, points=0, confidence=0.25).tp == 1


def test_counts_go_by_the_order_of_boxes_not_by_score() -> None:
    # A box below the confidence comes first and has the truth: the one above is wrong in the counts, right in the AP.
    found = flat([(0, [0, 0, 10, 9], 0.1, 0), (0, [0, 0, 10, 10], 0.9, 0)])
    got = darknet_metrics(ONE, found, iou_threshold=0.5, points=0, confidence=0.25)
    assert (got.tp, got.fp, got.classes[0].ap) == (0, 1, 1)


def test_a_detection_takes_the_truth_it_overlaps_most_even_if_it_is_taken() -> None:
    two = Index.from_records(["a"], [record([[0, 0, 10, 10], [0, 2, 10, 12]], [0, 0])])
    found = flat([(0, [0, 0, 10, 10], 0.9, 0), (0, [0, 0.5, 10, 10.5], 0.8, 0)])  # both are nearest to the first
    got = darknet_metrics(two, found, iou_threshold=0.5, points=0, confidence=0.25)
    assert (got.tp, got.fp, got.fn) == (1, 1, 1)


def test_what_lies_on_a_difficult_object_is_not_ranked_but_counted_as_wrong() -> None:
    index = Index.from_records(["a"], [record([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 0], [False, True])])
    found = flat([(0, [50, 50, 60, 60], 0.9, 0), (0, [0, 0, 10, 10], 0.8, 0)])
    got = darknet_metrics(index, found, iou_threshold=0.5, points=11, confidence=0.25)
    assert (got.detections, got.classes[0].ap) == (1, 1)
    assert (got.tp, got.fp, got.fn) == (1, 1, 0)


def test_images_may_come_in_any_order() -> None:
    index = Index.from_records(["a"], [record([[0, 0, 10, 10]], [0]), record([[20, 20, 40, 40]], [0])])
    found = flat([(1, [20, 20, 40, 40], 0.9, 0), (0, [0, 0, 10, 10], 0.8, 0), (1, [20, 20, 40, 41], 0.95, 0)])
    got = darknet_metrics(index, found, iou_threshold=0.5, points=0, confidence=0.25)
    assert got.classes[0].ap == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)
    assert (got.tp, got.fp, got.fn) == (2, 1, 0)
