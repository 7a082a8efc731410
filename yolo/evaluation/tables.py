"""Numbers of an evaluation as aligned text. What has no number is shown as "-"."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from yolo.evaluation.metrics.coco_match import MAX_DETECTIONS
from yolo.text_table import align_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolo.evaluation.metrics.average_precision import ApMetrics
    from yolo.evaluation.metrics.coco_metrics import ClassMetrics, CocoMetrics
    from yolo.evaluation.metrics.error_kinds import ErrorKind

Row = tuple[str, ...]
NAMES = {"voc07": "VOC 2007 (11 recalls)", "voc": "VOC 2010 (area under the curve)", "darknet": "Darknet's map"}


def format_class_table(metrics: CocoMetrics) -> str:
    """The mean over classes, then each class that the split holds."""
    return "\n".join([*align_columns(class_rows(metrics)), *_left_out([row.truths for row in metrics.classes])])


def class_rows(metrics: CocoMetrics) -> list[Row]:
    """The rows of `format_class_table`, the header first."""
    return [
        ("class", "images", "objects", "P", "R", "mAP50", "mAP50-95"),
        _row("all", metrics.images, metrics.truths, metrics),
        *(_row(row.name, row.images, row.truths, row) for row in metrics.classes if row.truths),
    ]


def format_summary(metrics: CocoMetrics) -> str:
    """The twelve numbers that COCO's own program prints."""
    return "\n".join(
        [*align_columns(summary_rows(metrics)), f"at most {MAX_DETECTIONS[-1]} detections an image count, as in COCO"]
    )


def summary_rows(metrics: CocoMetrics) -> list[Row]:
    """The rows of `format_summary`, the header first."""
    rows: list[tuple[str | float, ...]] = [
        ("COCO", "all", "IoU .50", "IoU .75", "small", "medium", "large"),
        ("precision (AP)", metrics.map50_95, metrics.map50, metrics.map75,
         metrics.map_small, metrics.map_medium, metrics.map_large),
        ("", "all", "1 a class", "10 a class", "small", "medium", "large"),
        ("recall (AR)", metrics.recall_100, metrics.recall_1, metrics.recall_10,
         metrics.recall_small, metrics.recall_medium, metrics.recall_large),
    ]  # fmt: skip
    return [tuple(cell if isinstance(cell, str) else number(cell) for cell in row) for row in rows]


def format_ap(metrics: ApMetrics) -> str:
    """VOC's or Darknet's numbers: each class that the split holds, then the whole."""
    lines = [*align_columns(ap_rows(metrics)), *_left_out([row.truths for row in metrics.classes], metrics.metric)]
    return "\n".join(lines + ap_lines(metrics))


def ap_rows(metrics: ApMetrics) -> list[Row]:
    """The table of `format_ap`, the header first."""
    return [
        ("class", "images", "objects", "AP", "TP", "FP", "P", "R"),
        *(
            (row.name, str(row.images), str(row.truths), number(row.ap, 4), str(row.tp), str(row.fp),
             number(row.precision), number(row.recall))
            for row in metrics.classes if row.truths
        ),
    ]  # fmt: skip


def ap_lines(metrics: ApMetrics) -> list[str]:
    """What `format_ap` says of the whole."""
    whole = f"mAP {number(metrics.mean_ap, 6)} at IoU {metrics.iou:g}, {metrics.detections} detections ranked"
    counts = f"TP {metrics.tp}, FP {metrics.fp}, FN {metrics.fn}"
    shares = f"precision {number(metrics.precision)}, recall {number(metrics.recall)}, F1 {number(metrics.f1)}"
    return [
        f"{NAMES[metrics.metric]}: {whole}",
        f"at confidence {metrics.confidence:g}: {counts}; {shares}, average IoU {metrics.average_iou:.4f}",
    ]


def format_errors(kinds: Sequence[ErrorKind], confidence: float) -> str:
    """Mistakes by kind."""
    return "\n".join(align_columns(error_rows(kinds, confidence)))


def error_rows(kinds: Sequence[ErrorKind], confidence: float) -> list[Row]:
    """The table of `format_errors`, the header first."""
    return [
        ("mistakes", *(kind.name for kind in kinds)),
        ("mAP50 lost", *(number(kind.cost) for kind in kinds)),
        (f"count at {confidence:g}", *(str(kind.count) for kind in kinds)),
    ]


def number(value: float, digits: int = 3) -> str:
    """A number, or "-" for NaN."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _row(name: str, images: int, truths: int, values: ClassMetrics | CocoMetrics) -> Row:
    numbers = (values.precision, values.recall, values.map50, values.map50_95)
    return (name, str(images), str(truths), *map(number, numbers))


def _left_out(truths: Sequence[int], metric: str = "coco") -> list[str]:
    empty = truths.count(0)
    meaning = "count as 0 in the mean, as Darknet has it" if metric == "darknet" else "are left out"
    return [f"{empty} of {len(truths)} classes have no object in this split and {meaning}"] if empty else []
