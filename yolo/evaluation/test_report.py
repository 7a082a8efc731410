"""An evaluation as one HTML file that needs nothing beside it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.evaluation.metric_plots import draw_confidence_curves, draw_confusion_matrix, draw_error_kinds, draw_pr_curves
from yolo.evaluation.preview import draw_gt_and_detections
from yolo.evaluation.tables import ap_lines, ap_rows, class_rows, error_rows, summary_rows
from yolo.storage import atomic_path
from yolo.visualization.html_page import jpeg, page, png

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from yolo.data.index import Index
    from yolo.evaluation.metrics.analysis import Analysis
    from yolo.evaluation.metrics.average_precision import ApMetrics
    from yolo.evaluation.speed import Speed

    Image = npt.NDArray[np.uint8]

NUM_WORST = 12
WIDTH = 1280  # of two images beside each other, pixels
ERRORS = (
    "place: the box overlaps its object by less than .5; class: the box fits an object of another class; both: neither "
    "fits; duplicate: a better detection has the object; background: nothing is there; missed: nothing found it. "
    "What a kind costs is how much mAP50 would rise if it alone were mended, over all detections (TIDE, arXiv "
    "2008.08115)."
)


def plots_of(analysis: Analysis, names: Sequence[str]) -> dict[str, Image]:
    """The plots of an evaluation, by the names of their files."""
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
    analysis: Analysis,
    ap: ApMetrics | None,
    speed: Speed,
) -> None:
    """Write the report.

    Args:
        path: of the file.
        title: of the page.
        settings: what was scored and how, to be listed.
        index: the truth.
        analysis: of the detections.
        ap: VOC's or Darknet's score; None: COCO's is shown.
        speed: of the pass.
    """
    plots = {name: png(image, name) for name, image in plots_of(analysis, index.names).items()}
    shown = f"detections of confidence {analysis.confidence:g} or more"
    listed = " &middot; ".join(f"{escape(key)} <b>{escape(value)}</b>" for key, value in settings.items())
    scores = (
        f"<section>{_table(summary_rows(analysis.coco))}</section><section>{_table(class_rows(analysis.coco))}</section>"
        if ap is None
        else f"<section>{_table(ap_rows(ap))}{''.join(f'<p>{escape(line)}</p>' for line in ap_lines(ap))}</section>"
    )
    body = (
        f"<p>{listed}</p><h2>Score</h2>{scores}<h2>Curves</h2>"
        f'<div class="card">{plots["pr_curve"]}<p>At IoU .5, by COCO\'s matching.</p></div>'
        f'<div class="card">{plots["confidence_curves"]}</div>'
        f'<h2>Confusion</h2><div class="card">{plots["confusion"]}<p>Counts of {shown}.</p></div>'
        f"<h2>Mistakes by kind</h2><section>{_table(error_rows(analysis.errors, analysis.confidence))}"
        f"{plots['errors']}<p>{escape(ERRORS)}</p></section>"
        f"<h2>Speed</h2><section><p>{escape(str(speed))}</p></section>"
        f"<h2>Images with most mistakes</h2><p>Truth, and {shown}.</p>{_worst(index, analysis)}"
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page(title, body), encoding="utf-8")


def _worst(index: Index, analysis: Analysis) -> str:
    mistakes = analysis.confusion.mistakes
    order = np.argsort(-mistakes, kind="stable")[:NUM_WORST]
    figures = (
        f'<figure class="wide">{jpeg(_pair(index, analysis, int(i)), str(index.path(int(i)).name))}'
        f"<figcaption>{escape(str(index.path(int(i))))}: {mistakes[i]} mistakes</figcaption></figure>"
        for i in order
        if mistakes[i]
    )
    return f'<div class="card">{"".join(figures)}</div>'


def _pair(index: Index, analysis: Analysis, image_id: int) -> Image:
    """Truth and detections side by side, no larger than a page shows."""
    found = analysis.matches.detections
    mine = found[np.flatnonzero((found.image_id == image_id) & (found.score >= analysis.confidence))]
    image = draw_gt_and_detections(index, image_id, mine.xyxy, mine.score.tolist(), mine.class_id.tolist())
    scale = min(1, WIDTH / image.shape[1])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """The first row is the header, the first column the names."""
    head = "".join(f"<th{_side(i)}>{escape(cell)}</th>" for i, cell in enumerate(rows[0]))
    body = "".join(
        "<tr>" + "".join(f"<td{_side(i)}>{escape(cell)}</td>" for i, cell in enumerate(row)) + "</tr>"
        for row in rows[1:]
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _side(column: int) -> str:
    return ' class="n"' if column else ""
