"""What people look at after a run: its results over its epochs, in an image."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from yolo.data.image_weights import ap_name
from yolo.errors import DataError
from yolo.visualization.figures import add_grid_lines, new_figure, save_figure

if TYPE_CHECKING:
    from pathlib import Path

_PANELS_PER_ROW = 4


def plot_results(csv_path: Path, png_path: Path) -> None:
    """Draw the columns of a run's results over its epochs, one small panel each; not those of single classes.

    Args:
        csv_path: `results.csv`: a header with the column `epoch`, then a line per epoch; empty cells are no value.
        png_path: the image to write.

    Raises:
        DataError: the file has no such header, no lines, or a cell that is not a number.
    """
    columns = {name: values for name, values in _read_columns(csv_path).items() if not name.startswith(ap_name(""))}
    epochs = columns.pop("epoch")
    columns.pop("step", None)
    num_rows = max(1, math.ceil(len(columns) / _PANELS_PER_ROW))
    figure = new_figure(3.2 * _PANELS_PER_ROW, 2.4 * num_rows, dpi=110)
    for number, (name, values) in enumerate(columns.items(), start=1):
        panel = figure.add_subplot(num_rows, _PANELS_PER_ROW, number)
        known = np.isfinite(values)
        # Points show where a metric that is not measured after every epoch was.
        panel.plot(epochs[known], values[known], marker=".", markersize=3, linewidth=1.2, color="#1f5fa8")
        panel.set_title(name, fontsize=9)
        panel.tick_params(labelsize=7)
        panel.yaxis.get_offset_text().set_fontsize(7)
        panel.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        add_grid_lines(panel)
        if number > len(columns) - _PANELS_PER_ROW:
            panel.set_xlabel("epoch", fontsize=8)
    save_figure(figure, png_path)


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
