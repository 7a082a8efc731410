"""Metrics as aligned text tables. A metric without a value is shown as "-"."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from yolo.evaluation.metrics.coco_match import MAX_DETECTIONS
from yolo.text_table import align_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.evaluation.metrics.average_precision import ApMetrics
    from yolo.evaluation.metrics.coco_metrics import CocoClassMetrics, CocoMetrics
    from yolo.evaluation.metrics.error_kinds import ErrorKind

Row = tuple[str, ...]
METRIC_TITLES = {
    "voc07": "VOC 2007 (11 recalls)",
    "voc": "VOC 2010 (area under the curve)",
    "darknet": "Darknet's map",
}


def format_class_table(metrics: CocoMetrics) -> str:
    """Format the means over classes, then each class with ground truth."""
    return "\n".join(
        [*align_columns(class_rows(metrics)), *_note_empty_classes([row.num_gt for row in metrics.classes])]
    )


def class_rows(metrics: CocoMetrics) -> list[Row]:
    """Return the rows of `format_class_table`, the header first."""
    return [
        ("class", "images", "objects", "P", "R", "mAP50", "mAP50-95"),
        _class_row("all", metrics.num_images, metrics.num_gt, metrics),
        *(_class_row(row.name, row.num_images, row.num_gt, row) for row in metrics.classes if row.num_gt),
    ]


def format_summary(metrics: CocoMetrics) -> str:
    """Format the twelve metrics that COCO's own program prints."""
    return "\n".join(
        [*align_columns(summary_rows(metrics)), f"at most {MAX_DETECTIONS[-1]} detections per image, as in COCO"]
    )


def summary_rows(metrics: CocoMetrics) -> list[Row]:
    """Return the rows of `format_summary`, the header first."""
    rows: list[tuple[str | float, ...]] = [
        ("COCO", "all", "IoU .50", "IoU .75", "small", "medium", "large"),
        ("precision (AP)", metrics.map50_95, metrics.map50, metrics.map75,
         metrics.map_small, metrics.map_medium, metrics.map_large),
        ("", "all", "1 a class", "10 a class", "small", "medium", "large"),
        ("recall (AR)", metrics.recall_100, metrics.recall_1, metrics.recall_10,
         metrics.recall_small, metrics.recall_medium, metrics.recall_large),
    ]  # fmt: skip
    return [tuple(cell if isinstance(cell, str) else format_number(cell) for cell in row) for row in rows]


def format_ap(metrics: ApMetrics) -> str:
    """Format VOC's or Darknet's metrics: each class with ground truth, then the whole split."""
    note = _note_empty_classes([row.num_gt for row in metrics.classes], metrics.metric)
    return "\n".join([*align_columns(ap_rows(metrics)), *note, *ap_lines(metrics)])


def ap_rows(metrics: ApMetrics) -> list[Row]:
    """Return the class table of `format_ap`, the header first."""
    return [
        ("class", "images", "objects", "AP", "TP", "FP", "P", "R"),
        *(
            (row.name, str(row.num_images), str(row.num_gt), format_number(row.ap, 4), str(row.tp), str(row.fp),
             format_number(row.precision), format_number(row.recall))
            for row in metrics.classes if row.num_gt
        ),
    ]  # fmt: skip


def ap_lines(metrics: ApMetrics) -> list[str]:
    """Return the lines of `format_ap` about the whole split."""
    precision, recall, f1 = (format_number(value) for value in (metrics.precision, metrics.recall, metrics.f1))
    return [
        f"{METRIC_TITLES[metrics.metric]}: mAP {format_number(metrics.mean_ap, 6)} at IoU {metrics.iou:g}, "
        f"{metrics.num_detections} detections ranked",
        f"at confidence {metrics.confidence:g}: TP {metrics.tp}, FP {metrics.fp}, FN {metrics.fn}; "
        f"precision {precision}, recall {recall}, F1 {f1}, average IoU {metrics.average_iou:.4f}",
    ]


def format_error_kinds(kinds: Sequence[ErrorKind], confidence: float) -> str:
    """Format the errors by kind."""
    return "\n".join(align_columns(error_rows(kinds, confidence)))


def error_rows(kinds: Sequence[ErrorKind], confidence: float) -> list[Row]:
    """Return the rows of `format_error_kinds`, the header first."""
    return [
        ("errors", *(kind.name for kind in kinds)),
        ("mAP50 lost", *(format_number(kind.map50_lost) for kind in kinds)),
        (f"count at {confidence:g}", *(str(kind.count) for kind in kinds)),
    ]


def format_number(value: float, digits: int = 3) -> str:
    """Format a number; NaN as "-"."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _class_row(name: str, num_images: int, num_gt: int, metrics: CocoClassMetrics | CocoMetrics) -> Row:
    values = (metrics.precision, metrics.recall, metrics.map50, metrics.map50_95)
    return (name, str(num_images), str(num_gt), *map(format_number, values))


def _note_empty_classes(num_gt_K: Sequence[int], metric: str = "coco") -> list[str]:
    """Return a line on the classes without ground truth, if there are any."""
    num_empty = num_gt_K.count(0)
    effect = "count as 0 in the mean, as in Darknet" if metric == "darknet" else "are left out of the mean"
    return [f"{num_empty} of {len(num_gt_K)} classes have no objects in this split and {effect}"] if num_empty else []
