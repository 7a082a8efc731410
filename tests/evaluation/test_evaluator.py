import pytest
import torch

from tests.evaluation.splits import flat_detections, image_record
from yolo.boxes.detections import Detections
from yolo.data.index import Index
from yolo.evaluation.evaluator import Evaluator
from yolo.evaluation.metrics.coco_metrics import compute_coco_metrics

INDEX = Index.from_records(
    ["a", "b"], [image_record([[0, 0, 10, 10]], [0]), image_record([[5, 5, 25, 25]], [1]), image_record([], [])]
)


def detections(rows: list[tuple[list[float], float, int]]) -> Detections:
    return Detections(
        xyxy=torch.tensor([box for box, _, _ in rows], dtype=torch.float32, requires_grad=True).reshape(-1, 4),
        score=torch.tensor([score for _, score, _ in rows]),
        class_id=torch.tensor([class_id for _, _, class_id in rows], dtype=torch.int64),
    )


def test_batches_in_any_order_give_the_metrics_of_the_whole_split() -> None:
    evaluator = Evaluator(INDEX)
    evaluator.process([1], [detections([([5, 5, 25, 25], 0.5, 1), ([50, 50, 60, 60], 0.75, 0)])])
    evaluator.process([2, 0], [detections([]), detections([([0, 0, 10, 10], 0.25, 0)])])
    rows = [
        (1, [5.0, 5.0, 25.0, 25.0], 0.5, 1),
        (1, [50.0, 50.0, 60.0, 60.0], 0.75, 0),
        (0, [0.0, 0.0, 10.0, 10.0], 0.25, 0),
    ]
    got = evaluator.evaluate()
    assert got == compute_coco_metrics(INDEX, flat_detections(rows))
    # Class "a": a false positive, then a true one: 1/2. Class "b": 1.
    assert got.map50 == pytest.approx(0.75)


def test_reset_forgets_detections() -> None:
    evaluator = Evaluator(INDEX)
    evaluator.process([0], [detections([([0, 0, 10, 10], 0.25, 0)])])
    assert evaluator.evaluate().map50 == pytest.approx(0.5)
    evaluator.reset()
    assert evaluator.evaluate().map50 == 0
    evaluator.process([0], [detections([([0, 0, 10, 10], 0.25, 0)])])
    assert evaluator.evaluate().map50 == pytest.approx(0.5)


def test_an_image_may_come_only_once() -> None:
    evaluator = Evaluator(INDEX)
    evaluator.process([0], [detections([])])
    with pytest.raises(AssertionError, match="image 0 processed twice"):
        evaluator.process([0], [detections([])])
