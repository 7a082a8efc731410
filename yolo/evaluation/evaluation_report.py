"""A test report as one self-contained HTML file."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.evaluation.metric_plots import (
    draw_confidence_curves,
    draw_confusion_matrix,
    draw_error_kinds,
    draw_pr_curves,
)
from yolo.evaluation.preview import draw_gt_and_detections
from yolo.evaluation.tables import ap_lines, ap_rows, class_rows, error_rows, summary_rows
from yolo.storage import atomic_path
from yolo.visualization.html_page import jpeg, page, png

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.evaluate_model import EvaluationResult
    from yolo.evaluation.metrics.analysis import DetectionAnalysis

    Image = npt.NDArray[np.uint8]

MAX_IMAGES = 12
MAX_IMAGE_WIDTH = 1280  # of ground truth and detections side by side, pixels
ERROR_KINDS_HELP = (
    "localization: the box overlaps its object by less than .5; classification: the box fits an object of another "
    "class; both: neither box nor class fits; duplicate: a detection with a higher score was matched to the same "
    "object; background: there is no object; missed: the object has no detection. mAP50 lost is how much mAP50 would "
    "rise if only this kind of error were corrected, over all detections (TIDE, arXiv 2008.08115)."
)


def draw_plots(analysis: DetectionAnalysis, names: Sequence[str]) -> dict[str, Image]:
    """Draw the plots of a report, by their file names without suffix."""
    return {
        "pr_curve": draw_pr_curves(analysis.coco),
        "confidence_curves": draw_confidence_curves(analysis.curves, analysis.confidence),
        "confusion": draw_confusion_matrix(analysis.confusion.counts, names),
        "errors": draw_error_kinds(analysis.errors, analysis.confidence),
    }


def write_html_report(
    path: Path,
    *,
    title: str,
    settings: dict[str, str],
    index: Index,
    result: EvaluationResult,
    plots: dict[str, Image],
) -> None:
    """Write the report.

    Args:
        path: of the file.
        title: of the page.
        settings: listed at the top of the page.
        index: the ground truth.
        result: of the evaluation.
        plots: as `draw_plots` returns them.
    """
    analysis = result.analysis
    plot_elements = {name: png(image, name) for name, image in plots.items()}
    accepted = f"detections of confidence {analysis.confidence:g} or more"
    settings_list = " &middot; ".join(f"{escape(key)} <b>{escape(value)}</b>" for key, value in settings.items())
    body = (
        f"<p>{settings_list}</p><h2>Metrics</h2>{_metric_sections(result)}<h2>Curves</h2>"
        f'<div class="card">{plot_elements["pr_curve"]}<p>At IoU .5, with COCO\'s matching.</p></div>'
        f'<div class="card">{plot_elements["confidence_curves"]}</div>'
        f'<h2>Confusion matrix</h2><div class="card">{plot_elements["confusion"]}<p>Counts of {accepted}.</p></div>'
        f"<h2>Errors by kind</h2><section>{_table(error_rows(analysis.errors, analysis.confidence))}"
        f"{plot_elements['errors']}<p>{escape(ERROR_KINDS_HELP)}</p></section>"
        f"<h2>Speed</h2><section><p>{escape(str(result.speed))}</p></section>"
        f"<h2>Images with most errors</h2><p>Ground truth beside {accepted}.</p>{_worst_images(index, analysis)}"
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page(title, body), encoding="utf-8")


def _metric_sections(result: EvaluationResult) -> str:
    if result.ap is not None:
        lines = "".join(f"<p>{escape(line)}</p>" for line in ap_lines(result.ap))
        return f"<section>{_table(ap_rows(result.ap))}{lines}</section>"
    coco = result.analysis.coco
    return f"<section>{_table(summary_rows(coco))}</section><section>{_table(class_rows(coco))}</section>"


def _worst_images(index: Index, analysis: DetectionAnalysis) -> str:
    num_errors = analysis.confusion.num_errors
    worst_first = np.argsort(-num_errors, kind="stable")[:MAX_IMAGES]
    figures = (
        f'<figure class="wide">{jpeg(_draw_image(index, analysis, int(i)), str(index.path(int(i)).name))}'
        f"<figcaption>{escape(str(index.path(int(i))))}: {num_errors[i]} errors</figcaption></figure>"
        for i in worst_first
        if num_errors[i]
    )
    return f'<div class="card">{"".join(figures)}</div>'


def _draw_image(index: Index, analysis: DetectionAnalysis, image_id: int) -> Image:
    """Draw ground truth and detections of an image side by side, at most `MAX_IMAGE_WIDTH` wide."""
    detections = analysis.matches.detections
    is_shown = (detections.image_id == image_id) & (detections.score >= analysis.confidence)
    shown = detections[np.flatnonzero(is_shown)]
    image = draw_gt_and_detections(index, image_id, shown.xyxy, shown.score.tolist(), shown.class_id.tolist())
    scale = min(1, MAX_IMAGE_WIDTH / image.shape[1])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return an HTML table: the first row is the header, the first column is left-aligned."""
    head = "".join(f"<th{_column_class(i)}>{escape(cell)}</th>" for i, cell in enumerate(rows[0]))
    body = "".join(
        "<tr>" + "".join(f"<td{_column_class(i)}>{escape(cell)}</td>" for i, cell in enumerate(row)) + "</tr>"
        for row in rows[1:]
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _column_class(column: int) -> str:
    return ' class="n"' if column else ""
