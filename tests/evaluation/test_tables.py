import math
from dataclasses import replace

from tests.evaluation.splits import flat_detections, image_record
from yolo.data.index import Index
from yolo.evaluation.metrics.coco_metrics import CocoClassMetrics, CocoMetrics
from yolo.evaluation.metrics.darknet_map import compute_darknet_map
from yolo.evaluation.metrics.error_kinds import ErrorKind
from yolo.evaluation.tables import format_ap, format_class_table, format_error_kinds, format_summary


def metrics(*classes: CocoClassMetrics) -> CocoMetrics:
    return CocoMetrics(
        num_images=12,
        num_gt=345,
        map50=0.5,
        map75=0.4,
        map50_95=1 / 3,
        precision=0.75,
        recall=0.25,
        confidence=0.4,
        classes=classes,
    )


def test_class_table() -> None:
    nan = math.nan
    table = format_class_table(
        metrics(
            CocoClassMetrics(
                name="red cell", num_images=12, num_gt=340, map50=0.9, map50_95=0.62549, precision=1.0, recall=0.1234
            ),
            CocoClassMetrics(name="none", num_images=0, num_gt=0, map50=nan, map50_95=nan, precision=nan, recall=nan),
            CocoClassMetrics(name="x", num_images=5, num_gt=5, map50=0.1, map50_95=0.0, precision=0.5, recall=0.5),
        )
    )
    assert table.splitlines() == [
        "class     images  objects      P      R  mAP50  mAP50-95",
        "all           12      345  0.750  0.250  0.500     0.333",
        "red cell      12      340  1.000  0.123  0.900     0.625",
        "x              5        5  0.500  0.500  0.100     0.000",
        "1 of 3 classes have no objects in this split and are left out of the mean",
    ]


def test_class_table_without_values() -> None:
    nan = math.nan
    empty = CocoMetrics(
        num_images=0,
        num_gt=0,
        map50=nan,
        map75=nan,
        map50_95=nan,
        precision=nan,
        recall=nan,
        confidence=nan,
        classes=(),
    )
    assert format_class_table(empty).splitlines()[1].split() == ["all", "0", "0", "-", "-", "-", "-"]


def test_summary_of_cocos_twelve_metrics() -> None:
    areas = replace(metrics(), map_small=0.25, map_large=0.25, recall_small=0.5, recall_large=0.5)
    text = format_summary(replace(areas, recall_1=0.1, recall_10=0.2, recall_100=0.3))
    assert text.splitlines() == [
        "COCO              all    IoU .50     IoU .75  small  medium  large",
        "precision (AP)  0.333      0.500       0.400  0.250       -  0.250",
        "                  all  1 a class  10 a class  small  medium  large",
        "recall (AR)     0.300      0.100       0.200  0.500       -  0.500",
        "at most 100 detections per image, as in COCO",
    ]


def test_ap_table_of_darknets_metric() -> None:
    index = Index.from_records(["a", "b"], [image_record([[0, 0, 10, 10]], [0])])
    detections = flat_detections([(0, [0, 0, 10, 8], 0.9, 0), (0, [50, 50, 60, 60], 0.8, 0)])
    text = format_ap(compute_darknet_map(index, detections, iou_threshold=0.5, points=0, confidence=0.25))
    assert text.splitlines() == [
        "class  images  objects      AP  TP  FP      P      R",
        "a           1        1  1.0000   1   1  0.500  1.000",
        "1 of 2 classes have no objects in this split and count as 0 in the mean, as in Darknet",
        "Darknet's map: mAP 0.500000 at IoU 0.5, 2 detections ranked",
        "at confidence 0.25: TP 1, FP 1, FN 0; precision 0.500, recall 1.000, F1 0.667, average IoU 0.4000",
    ]


def test_error_table() -> None:
    text = format_error_kinds([ErrorKind("localization", 12, 0.0625), ErrorKind("missed", 3, math.nan)], 0.25)
    assert text.splitlines() == [
        "errors         localization  missed",
        "mAP50 lost            0.062       -",
        "count at 0.25            12       3",
    ]
