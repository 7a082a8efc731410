import numpy as np

from tests.evaluation.metrics.test_coco_metrics import flat, random_split, record
from yolo.data.index import Index
from yolo.evaluation.metrics.coco_match import CocoMatcher
from yolo.evaluation.metrics.confusion import confusion


def test_example_worked_by_hand() -> None:
    index = Index.from_records(
        ["a", "b"],
        [
            record([[0, 0, 10, 10], [50, 50, 60, 60], [100, 100, 110, 110]], [0, 1, 0], [False, False, True]),
            record([[0, 0, 10, 10]], [1]),
            record([], []),
        ],
    )
    found = flat(
        [
            (0, [0, 0, 10, 9], 0.9, 0),  # right
            (0, [50, 50, 60, 58], 0.8, 0),  # taken for another class
            (0, [50, 50, 60, 57], 0.7, 0),  # the same once more: background
            (0, [100, 100, 110, 110], 0.9, 0),  # on what is ignored
            (1, [0, 0, 10, 10], 0.1, 1),  # right, but not sure enough: missed
            (2, [0, 0, 10, 10], 0.5, 1),  # background
        ]
    )
    got = confusion(index, CocoMatcher(index, found).matches(), 0.25)
    assert got.counts.tolist() == [[1, 1, 1], [0, 0, 1], [0, 1, 0]]
    assert got.mistakes.tolist() == [3, 1, 1]


def test_every_object_and_every_detection_that_counts_is_in_it_once() -> None:
    index, found = random_split(3)
    matches = CocoMatcher(index, found).matches()
    counts = confusion(index, matches, 0.3).counts
    truths = np.bincount(index.all_class_ids[~index.all_ignore], minlength=4)
    np.testing.assert_array_equal(counts.sum(axis=0)[:-1], truths)
    shown = matches.counted & (matches.detections.score >= 0.3)
    np.testing.assert_array_equal(counts.sum(axis=1)[:-1], np.bincount(matches.detections.class_id[shown], minlength=4))
    np.testing.assert_array_equal(
        np.diagonal(counts)[:-1], np.bincount(matches.detections.class_id[shown & matches.hit], minlength=4)
    )
    assert counts[:-1, :-1].sum() > np.trace(counts)  # some are taken for another class
