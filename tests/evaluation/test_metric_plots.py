import numpy as np
import numpy.typing as npt

from tests.evaluation.test_tables import metrics
from yolo.evaluation.metric_plots import (
    draw_confidence_curves,
    draw_confusion_matrix,
    draw_error_kinds,
    draw_pr_curves,
    draw_speed_accuracy,
)
from yolo.evaluation.metrics.coco_metrics import CocoClassMetrics
from yolo.evaluation.metrics.confidence_curves import ConfidenceCurves
from yolo.evaluation.metrics.error_kinds import KINDS, ErrorKind

BLUE, ORANGE = (0xA8, 0x5F, 0x1F), (0x1F, 0x59, 0xD1)  # BGR


def share(image: npt.NDArray[np.uint8], colour: tuple[int, int, int]) -> float:
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    return float((image == np.array(colour)).all(axis=2).mean())


def test_precision_recall_curves_are_drawn_for_classes_with_ground_truth() -> None:
    def row(name: str, num_gt: int, curve: tuple[float, ...]) -> CocoClassMetrics:
        numbers = {"map50": 0.5, "map50_95": 0.4, "precision": 0.5, "recall": 0.5}
        return CocoClassMetrics(name=name, num_images=num_gt, num_gt=num_gt, **numbers, curve50=curve)

    without = draw_pr_curves(metrics(row("none", 0, ())))
    one = draw_pr_curves(metrics(row("none", 0, ()), row("cell", 4, (1.0,) * 101)))
    assert one.shape == without.shape == (550, 770, 3)
    assert share(without, BLUE) == 0
    drawn = (one == np.array(BLUE)).all(axis=2)
    assert np.ptp(np.nonzero(drawn)[1]) > 300  # from recall 0 to 1


def test_curves_over_the_confidence_threshold() -> None:
    score = np.linspace(0, 1, 201)
    rows = np.stack([1 - score, score])
    few = draw_confidence_curves(ConfidenceCurves(score, ("a", "b"), rows, rows, rows), 0.25)
    none = draw_confidence_curves(ConfidenceCurves(score, (), *(np.zeros((0, 201)),) * 3), 0.25)
    assert share(few, BLUE) > 0.002
    assert share(none, BLUE) == 0


def test_confusion_matrix_grows_with_its_classes_up_to_a_limit() -> None:
    names = [f"class {i}" for i in range(50)]
    sizes = []
    for count in (2, 12, 40, 50):
        counts = np.zeros((51, 51), np.int64)
        counts[range(count), range(count)] = 5
        sizes.append(draw_confusion_matrix(counts, names).shape[0])
    assert sizes[0] < sizes[1] < sizes[2] == sizes[3]


def test_axis_of_error_bars_follows_the_longest() -> None:
    cheap, dear = (
        draw_error_kinds([ErrorKind(name, 0, cost if name == "localization" else 0.1) for name in KINDS], 0.25)
        for cost in (0.1, 0.4)
    )
    assert share(cheap, ORANGE) > 1.5 * share(dear, ORANGE) > 0  # the axis follows the longest


def test_speed_accuracy_curve_has_a_point_for_each_size() -> None:
    def blue_columns(*ms: float) -> npt.NDArray[np.int64]:
        image = draw_speed_accuracy([320, 416, 608][: len(ms)], ms, [0.2, 0.3, 0.25][: len(ms)])
        return np.nonzero((image == np.array(BLUE)).all(axis=2))[1]

    # The axis ends at 1.15 of the longest time: points at 10 and 20 of 23 ms, joined by a line.
    assert np.ptp(blue_columns(20.0)) < 20
    assert 0.35 < np.ptp(blue_columns(10.0, 20.0)) / 700 < 0.5
    assert 0.7 < np.ptp(blue_columns(2.0, 10.0, 20.0)) / 700 < 0.85
