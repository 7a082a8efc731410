"""Findings as one HTML file that needs nothing beside it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolo.data.decode import read_image
from yolo.dataset_tools.check.dataset_plots import draw_plots
from yolo.dataset_tools.check.finding import Level
from yolo.dataset_tools.check.text_report import class_table, headline, verdict
from yolo.errors import DataError
from yolo.storage import atomic_path
from yolo.visualization.drawing import draw_boxes
from yolo.visualization.figures import figure_to_png, save_figure
from yolo.visualization.html_page import image_element, jpeg, page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolo.dataset_tools.check.dataset_plots import CfgAnchors
    from yolo.dataset_tools.check.finding import Finding, Occurrence
    from yolo.dataset_tools.check.scan import DatasetScan

NUM_THUMBNAILS = 6
THUMBNAIL_SIDE = 320  # pixels

BODY = """<p>{headline}</p><p><b>{verdict}</b></p>
<section><table><tr><th>level</th><th class="n">count</th><th>finding</th><th>what it does</th></tr>
{rows}</table></section>
<h2>Boxes and images</h2><div class="card">{plots}</div>
<div class="card"><pre>{classes}</pre></div>
<h2>Findings</h2>
{details}"""


def write_report(
    scan: DatasetScan, findings: Sequence[Finding], path: Path, *, title: str, anchors: CfgAnchors | None
) -> None:
    """Write the report: HTML with findings, images and plots, or a PNG of the plots alone, as the suffix says."""
    figure = draw_plots(scan, anchors)
    if path.suffix.lower() == ".png":
        save_figure(figure, path)
        return
    with atomic_path(path) as temporary:
        body = BODY.format(
            headline=escape(headline(scan)),
            verdict=escape(verdict(findings)),
            rows="".join(_row(finding) for finding in findings),
            plots=image_element(figure_to_png(figure), "png", "plots of the boxes"),
            classes=escape("\n".join(class_table(scan))),
            details="".join(_details(scan, finding) for finding in findings) or "<p>Nothing was found.</p>",
        )
        temporary.write_text(page(title, body), encoding="utf-8")


def _row(finding: Finding) -> str:
    check = finding.check
    return (
        f'<tr><td>{_badge(check.level)}</td><td class="n">{finding.count:,}</td>'
        f'<td><a href="#{check.name}">{escape(check.title)}</a></td><td>{escape(check.effect)}</td></tr>\n'
    )


def _details(scan: DatasetScan, finding: Finding) -> str:
    check = finding.check
    images = [_thumbnail(scan, occurrence) for occurrence in finding.first[:NUM_THUMBNAILS]]
    shown = [
        f"<figure>{image}<figcaption>{_text(occurrence)}</figcaption></figure>"
        for image, occurrence in zip(images, finding.first, strict=False)
        if image
    ]
    listed = [
        f"<li>{_text(occurrence)}</li>"
        for i, occurrence in enumerate(finding.first)
        if i >= len(images) or not images[i]
    ]
    rest = finding.count - len(finding.first)
    more = f"<li>and {rest:,} more</li>" if rest else ""
    return (
        f'<section id="{check.name}"><h3>{_badge(check.level)} {escape(check.title)}: {finding.count:,}</h3>'
        f'<p>{escape(check.effect)}</p><div class="thumbs">{"".join(shown)}</div>'
        f"<ul>{''.join(listed)}{more}</ul></section>\n"
    )


def _badge(level: Level) -> str:
    return f'<span class="level {level.value}">{level.value}</span>'


def _text(occurrence: Occurrence) -> str:
    return f"{escape(occurrence.where)}: {escape(occurrence.text)}"


def _thumbnail(scan: DatasetScan, occurrence: Occurrence) -> str:
    """An element with the occurrence's image, small, its box drawn; empty where there is no image to show."""
    if occurrence.image is None:
        return ""
    try:
        image = read_image(scan.paths[occurrence.image])
    except DataError:
        return ""
    scale = THUMBNAIL_SIDE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    image = np.asarray(
        cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), np.uint8
    )
    if occurrence.box is not None:
        boxes = scan.boxes_xyxy[[occurrence.box]] * scale
        class_id = int(scan.class_ids[occurrence.box])
        image = draw_boxes(image, np.nan_to_num(boxes), [scan.names[class_id]], [class_id])
    return jpeg(image, "")
