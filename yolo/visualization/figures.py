"""Matplotlib figures without a display: created, and turned into an array, PNG bytes or a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from yolo.storage import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.layout_engine import LayoutEngine


def new_figure(width: float, height: float, *, dpi: int, layout: LayoutEngine | None = None) -> Figure:
    """Return an empty figure; pyplot, which would open a display and keep every figure in memory, is not used.

    Args:
        width: of the figure, inches.
        height: of the figure, inches.
        dpi: pixels per inch.
        layout: places the axes; default: the constrained layout.
    """
    figure = Figure(figsize=(width, height), dpi=dpi, layout=layout or "constrained")
    FigureCanvasAgg(figure)  # becomes the figure's canvas
    return figure


def add_grid_lines(axes: Axes) -> None:
    """Draw thin grid lines."""
    axes.grid(visible=True, linewidth=0.4, alpha=0.5)


def figure_to_bgr(figure: Figure) -> npt.NDArray[np.uint8]:
    """Return a figure as an image (H, W, 3), uint8, BGR."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg), "not from new_figure"
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., 2::-1])  # type: ignore[no-untyped-call]


def figure_to_png(figure: Figure) -> bytes:
    """Return a figure as the content of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure to an image file, completely or not at all; the suffix tells the format."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary)
