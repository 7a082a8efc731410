"""What people look at after an evaluation or a run: a table in the terminal, curves in a picture."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from yolo.data.image_weights import ap_name
from yolo.errors import DataError
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from yolo.evaluation.coco import ClassMetrics, CocoMetrics

_HEADER = ("class", "images", "objects", "P", "R", "mAP50", "mAP50-95")
_PANELS_PER_ROW = 4
_MOST_NAMES = 20  # in a legend


def format_table(metrics: CocoMetrics) -> str:
    """The metrics as aligned text: the mean over classes, then each class that the split holds.

    A split without truth has no numbers: they are shown as "-".
    """
    rows = [
        _HEADER,
        _row("all", metrics.images, metrics.truths, metrics),
        *(_row(row.name, row.images, row.truths, row) for row in metrics.classes if row.truths),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    left_out = sum(row.truths == 0 for row in metrics.classes)
    if left_out:
        lines.append(f"{left_out} of {len(metrics.classes)} classes have no object in this split and are left out")
    return "\n".join(lines)


def plot_results(csv_path: Path, png_path: Path) -> None:
    """Draw the columns of a run's results over its epochs, one small panel each; not those of single classes.

    Args:
        csv_path: `results.csv`: a header with the column `epoch`, then a line per epoch; empty cells are no value.
        png_path: the picture to write.

    Raises:
        DataError: the file has no such header, no lines, or a cell that is not a number.
    """
    columns = {name: values for name, values in _read_columns(csv_path).items() if not name.startswith(ap_name(""))}
    epochs = columns.pop("epoch")
    columns.pop("step", None)
    num_rows = max(1, math.ceil(len(columns) / _PANELS_PER_ROW))
    figure = Figure(figsize=(3.2 * _PANELS_PER_ROW, 2.4 * num_rows), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for number, (name, values) in enumerate(columns.items(), start=1):
        panel = figure.add_subplot(num_rows, _PANELS_PER_ROW, number)
        known = np.isfinite(values)
        # Points show where a metric that is not measured after every epoch was.
        panel.plot(epochs[known], values[known], marker=".", markersize=3, linewidth=1.2, color="#1f5fa8")
        panel.set_title(name, fontsize=9)
        panel.tick_params(labelsize=7)
        panel.yaxis.get_offset_text().set_fontsize(7)
        panel.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        panel.grid(visible=True, linewidth=0.4, alpha=0.5)
        if number > len(columns) - _PANELS_PER_ROW:
            panel.set_xlabel("epoch", fontsize=8)
    with atomic_path(png_path) as temporary:
        figure.savefig(temporary)


def draw_curves(metrics: CocoMetrics) -> npt.NDArray[np.uint8]:
    """Precision over recall at IoU .5 of each class that has truth, and their mean: (H, W, 3), BGR."""
    figure = Figure(figsize=(7, 5), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panel = figure.add_subplot()
    rows = [row for row in metrics.classes if row.curve50]
    recalls = np.linspace(0, 1, len(rows[0].curve50)) if rows else np.zeros(0)
    for row in rows:
        panel.plot(
            recalls, row.curve50, linewidth=1, label=f"{row.name} {row.map50:.3f}" if len(rows) <= _MOST_NAMES else None
        )
    if rows:
        mean = np.mean([row.curve50 for row in rows], axis=0)
        panel.plot(recalls, mean, linewidth=2.5, color="#1f5fa8", label=f"all {metrics.map50:.3f}")
        figure.legend(loc="outside right upper", fontsize=8, title="mAP50")
    panel.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    panel.grid(visible=True, linewidth=0.4, alpha=0.5)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., 2::-1])  # type: ignore[no-untyped-call]


def _row(name: str, images: int, truths: int, values: ClassMetrics | CocoMetrics) -> tuple[str, ...]:
    numbers = (values.precision, values.recall, values.map50, values.map50_95)
    return (name, str(images), str(truths), *("-" if math.isnan(x) else f"{x:.3f}" for x in numbers))


def _read_columns(path: Path) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        rows = [_numbers(cells, len(header), f"{path}:{reader.line_num}") for cells in reader if cells]
    if "epoch" not in header:
        raise DataError(f"{path}:1: no column 'epoch' in the header; give the results.csv of a run")
    if not rows:
        raise DataError(f"{path}: no epoch has ended yet, so there is nothing to draw")
    return dict(zip(header, np.array(rows, np.float64).T, strict=True))


def _numbers(cells: list[str], count: int, place: str) -> list[float]:
    if len(cells) != count:
        raise DataError(f"{place}: {len(cells)} cells, but the header names {count} columns; mend or remove this line")
    try:
        return [float(cell) if cell.strip() else math.nan for cell in cells]
    except ValueError as exc:
        raise DataError(f"{place}: {exc}; every cell is a number or empty; mend or remove this line") from exc
