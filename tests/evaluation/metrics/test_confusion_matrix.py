import numpy as np

from tests.evaluation.splits import flat_detections, image_record, random_split
from yolo.data.index import Index
from yolo.evaluation.metrics.coco_match import CocoMatcher
from yolo.evaluation.metrics.confusion_matrix import compute_confusion_matrix


def test_example_worked_by_hand() -> None:
    index = Index.from_records(
        ["a", "b"],
        [
            image_record([[0, 0, 10, 10], [50, 50, 60, 60], [100, 100, 110, 110]], [0, 1, 0], [False, False, True]),
            image_record([[0, 0, 10, 10]], [1]),
            image_record([], []),
        ],
    )
    detections = flat_detections(
        [
            (0, [0, 0, 10, 9], 0.9, 0),  # right
            (0, [50, 50, 60, 58], 0.8, 0),  # predicted as another class
            (0, [50, 50, 60, 57], 0.7, 0),  # a duplicate of it: background
            (0, [100, 100, 110, 110], 0.9, 0),  # on an ignored box
            (1, [0, 0, 10, 10], 0.1, 1),  # right, but below the threshold: missed
            (2, [0, 0, 10, 10], 0.5, 1),  # background
        ]
    )
    got = compute_confusion_matrix(index, CocoMatcher(index, detections).match_at_iou50(), 0.25)
    assert got.counts.tolist() == [[1, 1, 1], [0, 0, 1], [0, 1, 0]]
    assert got.num_errors.tolist() == [3, 1, 1]


def test_every_object_and_every_counted_detection_occurs_once() -> None:
    index, detections = random_split(3)
    matches = CocoMatcher(index, detections).match_at_iou50()
    counts = compute_confusion_matrix(index, matches, 0.3).counts
    num_gt = np.bincount(index.all_class_ids[~index.all_ignore], minlength=4)
    np.testing.assert_array_equal(counts.sum(axis=0)[:-1], num_gt)
    shown = matches.is_counted & (matches.detections.score >= 0.3)
    np.testing.assert_array_equal(counts.sum(axis=1)[:-1], np.bincount(matches.detections.class_id[shown], minlength=4))
    np.testing.assert_array_equal(
        np.diagonal(counts)[:-1], np.bincount(matches.detections.class_id[shown & matches.is_tp], minlength=4)
    )
    assert counts[:-1, :-1].sum() > np.trace(counts)  # some are predicted as another class
