import numpy as np

from tests.evaluation.splits import flat_detections, image_record
from yolo.data.index import Index
from yolo.evaluation.metrics.flat_detections import count_gt_per_class, group_by_image, gt_image_ids

INDEX = Index.from_records(
    ["a", "b", "c"],
    [
        image_record([[0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]], [0, 0, 1]),
        image_record([], []),
        image_record([[0, 0, 10, 10], [20, 20, 30, 30]], [0, 1], [False, True]),
    ],
)


def test_detections_are_chosen_by_position_or_mask() -> None:
    detections = flat_detections([(0, [0, 0, 1, 1], 0.1, 0), (1, [0, 0, 2, 2], 0.2, 1), (2, [0, 0, 3, 3], 0.3, 2)])
    chosen = detections[np.array([2, 0])]
    assert (chosen.image_id.tolist(), chosen.score.tolist(), chosen.class_id.tolist()) == ([2, 0], [0.3, 0.1], [2, 0])
    assert chosen.xyxy.tolist() == [[0, 0, 3, 3], [0, 0, 1, 1]]
    assert len(detections[np.array([False, True, False])]) == 1


def test_positions_by_image_keep_their_order_and_skip_other_images() -> None:
    positions = [group.tolist() for group in group_by_image(INDEX, np.array([2, 0, -1, 2, 0]))]
    assert positions == [[1, 4], [], [0, 3]]


def test_ground_truth_is_counted_without_ignored_boxes() -> None:
    num_images, num_gt = count_gt_per_class(INDEX)
    assert (num_images.tolist(), num_gt.tolist()) == ([2, 1, 0], [3, 1, 0])
    assert gt_image_ids(INDEX).tolist() == [0, 0, 0, 2, 2]
