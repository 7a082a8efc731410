import math
from dataclasses import replace

from tests.evaluation.metrics.test_coco_metrics import flat, record
from yolo.data.index import Index
from yolo.evaluation.metrics.coco_metrics import ClassMetrics, CocoMetrics
from yolo.evaluation.metrics.darknet_map import darknet_metrics
from yolo.evaluation.metrics.error_kinds import ErrorKind
from yolo.evaluation.tables import format_ap, format_class_table, format_errors, format_summary


def metrics(*classes: ClassMetrics) -> CocoMetrics:
    return CocoMetrics(
        images=12,
        truths=345,
        map50=0.5,
        map75=0.4,
        map50_95=1 / 3,
        precision=0.75,
        recall=0.25,
        confidence=0.4,
        classes=classes,
    )


def test_table() -> None:
    nan = math.nan
    table = format_class_table(
        metrics(
            ClassMetrics(
                name="red cell", images=12, truths=340, map50=0.9, map50_95=0.62549, precision=1.0, recall=0.1234
            ),
            ClassMetrics(name="none", images=0, truths=0, map50=nan, map50_95=nan, precision=nan, recall=nan),
            ClassMetrics(name="x", images=5, truths=5, map50=0.1, map50_95=0.0, precision=0.5, recall=0.5),
        )
    )
    assert table.splitlines() == [
        "class     images  objects      P      R  mAP50  mAP50-95",
        "all           12      345  0.750  0.250  0.500     0.333",
        "red cell      12      340  1.000  0.123  0.900     0.625",
        "x              5        5  0.500  0.500  0.100     0.000",
        "1 of 3 classes have no object in this split and are left out",
    ]


def test_table_without_numbers() -> None:
    nan = math.nan
    empty = CocoMetrics(
        images=0, truths=0, map50=nan, map75=nan, map50_95=nan, precision=nan, recall=nan, confidence=nan, classes=()
    )
    assert format_class_table(empty).splitlines()[1].split() == ["all", "0", "0", "-", "-", "-", "-"]


def test_the_twelve_numbers() -> None:
    areas = replace(metrics(), map_small=0.25, map_large=0.25, recall_small=0.5, recall_large=0.5)
    text = format_summary(replace(areas, recall_1=0.1, recall_10=0.2, recall_100=0.3))
    assert text.splitlines() == [
        "COCO              all    IoU .50     IoU .75  small  medium  large",
        "precision (AP)  0.333      0.500       0.400  0.250       -  0.250",
        "                  all  1 a class  10 a class  small  medium  large",
        "recall (AR)     0.300      0.100       0.200  0.500       -  0.500",
        "at most 100 detections an image count, as in COCO",
    ]


def test_darknets_numbers() -> None:
    index = Index.from_records(["a", "b"], [record([[0, 0, 10, 10]], [0])])
    found = flat([(0, [0, 0, 10, 8], 0.9, 0), (0, [50, 50, 60, 60], 0.8, 0)])
    text = format_ap(darknet_metrics(index, found, iou_threshold=0.5, points=0, confidence=0.25))
    assert text.splitlines() == [
        "class  images  objects      AP  TP  FP      P      R",
        "a           1        1  1.0000   1   1  0.500  1.000",
        "1 of 2 classes have no object in this split and count as 0 in the mean, as Darknet has it",
        "Darknet's map: mAP 0.500000 at IoU 0.5, 2 detections ranked",
        "at confidence 0.25: TP 1, FP 1, FN 0; precision 0.500, recall 1.000, F1 0.667, average IoU 0.4000",
    ]


def test_mistakes() -> None:
    text = format_errors([ErrorKind("place", 12, 0.0625), ErrorKind("missed", 3, math.nan)], 0.25)
    assert text.splitlines() == [
        "mistakes       place  missed",
        "mAP50 lost     0.062       -",
        "count at 0.25     12       3",
    ]
