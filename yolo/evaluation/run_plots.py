"""Plot of the results of a training run over its epochs."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from yolo.data.image_weights import ap_name
from yolo.errors import DataError
from yolo.evaluation.metric_plots import BLUE, ORANGE
from yolo.storage import read_text
from yolo.visualization.figures import add_grid_lines, new_figure, save_figure

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    Column = np.ndarray[tuple[int], np.dtype[np.float64]]

PANELS_PER_ROW = 4


def plot_results(csv_path: Path, png_path: Path) -> None:
    """Plot each column of a run's results over the epochs, without the columns of single classes.

    A column has a panel of its own; only a validation loss is drawn over its training loss.

    Args:
        csv_path: `results.csv`: a header with the column `epoch`, then a line per epoch; an empty cell has no value.
        png_path: the image to write.

    Raises:
        DataError: the file has no such header, no lines, or a cell that is not a number.
    """
    columns = {name: values for name, values in _read_columns(csv_path).items() if not name.startswith(ap_name(""))}
    epochs = columns.pop("epoch")
    columns.pop("step", None)
    val_losses = {name: columns.pop(name) for name in list(columns) if name.startswith("val/")}
    num_rows = max(1, math.ceil(len(columns) / PANELS_PER_ROW))
    figure = new_figure(3.2 * PANELS_PER_ROW, 2.4 * num_rows, dpi=110)
    for number, (name, values) in enumerate(columns.items(), start=1):
        panel = figure.add_subplot(num_rows, PANELS_PER_ROW, number)
        _draw_line(panel, epochs, values, BLUE)
        panel.set_title(name, fontsize=9)
        val_name = name.replace("train/", "val/")
        if val_name in val_losses:
            _draw_line(panel, epochs, val_losses[val_name], ORANGE)
            panel.legend(["training", "validation"], fontsize=7)
            panel.set_title(f"{name}, {val_name}", fontsize=9)
        panel.tick_params(labelsize=7)
        panel.yaxis.get_offset_text().set_fontsize(7)
        panel.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        add_grid_lines(panel)
        if number > len(columns) - PANELS_PER_ROW:
            panel.set_xlabel("epoch", fontsize=8)
    save_figure(figure, png_path)


def _draw_line(panel: Axes, epochs: Column, values: Column, color: str) -> None:
    """Draw the known values of a column; points show at which epochs it was measured."""
    known = np.isfinite(values)
    panel.plot(epochs[known], values[known], marker=".", markersize=3, linewidth=1.2, color=color)


def _read_columns(path: Path) -> dict[str, Column]:
    reader = csv.reader(read_text(path).splitlines())
    header = [name.strip() for name in next(reader, [])]
    rows = [_parse_numbers(cells, len(header), f"{path}:{reader.line_num}") for cells in reader if cells]
    if "epoch" not in header:
        raise DataError(f"{path}:1: no column 'epoch' in the header; use the results.csv of a run")
    if not rows:
        raise DataError(f"{path}: no epoch has finished yet, so there is nothing to plot")
    return dict(zip(header, np.array(rows, np.float64).T, strict=True))


def _parse_numbers(cells: list[str], num_columns: int, where: str) -> list[float]:
    if len(cells) != num_columns:
        raise DataError(
            f"{where}: {len(cells)} cells, but the header names {num_columns} columns; correct or remove this line"
        )
    try:
        return [float(cell) if cell.strip() else math.nan for cell in cells]
    except ValueError as exc:
        raise DataError(f"{where}: {exc}; every cell is a number or empty; correct or remove this line") from exc
