"""Findings as one self-contained HTML file."""

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

    from yolo.dataset_tools.check.dataset_plots import NetworkAnchors
    from yolo.dataset_tools.check.finding import Example, Finding
    from yolo.dataset_tools.check.scan import DatasetScan

NUM_THUMBNAILS = 6  # of each finding
THUMBNAIL_SIDE = 320  # pixels

BODY = """<p>{headline}</p><p><b>{verdict}</b></p>
<section><table><tr><th>level</th><th class="n">count</th><th>finding</th><th>effect</th></tr>
{rows}</table></section>
<h2>Boxes and images</h2><div class="card">{plots}</div>
<div class="card"><pre>{classes}</pre></div>
<h2>Findings</h2>
{details}"""


def write_report(
    scan: DatasetScan, findings: Sequence[Finding], path: Path, *, title: str, anchors: NetworkAnchors | None
) -> None:
    """Write the report: HTML with findings, images and plots, or only the plots as PNG, depending on the suffix."""
    figure = draw_plots(scan, anchors)
    if path.suffix.lower() == ".png":
        save_figure(figure, path)
        return
    body = BODY.format(
        headline=escape(headline(scan)),
        verdict=escape(verdict(findings)),
        rows="".join(_table_row(finding) for finding in findings),
        plots=image_element(figure_to_png(figure), "png", "plots of the boxes"),
        classes=escape("\n".join(class_table(scan))),
        details="".join(_details(scan, finding) for finding in findings) or "<p>Nothing was found.</p>",
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page(title, body), encoding="utf-8")


def _table_row(finding: Finding) -> str:
    check = finding.check
    return (
        f'<tr><td>{_badge(check.level)}</td><td class="n">{finding.count:,}</td>'
        f'<td><a href="#{check.name}">{escape(check.title)}</a></td><td>{escape(check.effect)}</td></tr>\n'
    )


def _details(scan: DatasetScan, finding: Finding) -> str:
    """Return the section of a finding: thumbnails of the first examples, and the others as a list."""
    check = finding.check
    figures, items = [], []
    for i, example in enumerate(finding.examples):
        text = f"{escape(example.where)}: {escape(example.text)}"
        image = _thumbnail(scan, example) if i < NUM_THUMBNAILS else ""
        if image:
            figures.append(f"<figure>{image}<figcaption>{text}</figcaption></figure>")
        else:
            items.append(f"<li>{text}</li>")
    num_hidden = finding.count - len(finding.examples)
    if num_hidden:
        items.append(f"<li>and {num_hidden:,} more</li>")
    return (
        f'<section id="{check.name}"><h3>{_badge(check.level)} {escape(check.title)}: {finding.count:,}</h3>'
        f'<p>{escape(check.effect)}</p><div class="thumbs">{"".join(figures)}</div>'
        f"<ul>{''.join(items)}</ul></section>\n"
    )


def _badge(level: Level) -> str:
    return f'<span class="level {level.value}">{level.value}</span>'


def _thumbnail(scan: DatasetScan, example: Example) -> str:
    """Return an element with the small image of an example and its box; empty if there is no image to show."""
    if example.image is None:
        return ""
    try:
        image = read_image(scan.paths[example.image])
    except DataError:
        return ""
    scale = THUMBNAIL_SIDE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    image = np.asarray(
        cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), np.uint8
    )
    if example.box is not None:
        boxes_xyxy = scan.boxes_xyxy[[example.box]] * scale
        class_id = int(scan.class_ids[example.box])
        image = draw_boxes(image, np.nan_to_num(boxes_xyxy), [scan.names[class_id]], [class_id])
    return jpeg(image, "")
