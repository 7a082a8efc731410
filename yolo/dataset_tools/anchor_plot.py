"""Box shapes and anchors as an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from yolo.storage import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

MAX_POINTS = 20_000
GREY, BLUE, ORANGE = "#9aa3af", "#2f6db5", "#e4572e"


def plot_anchors(
    path: Path,
    shapes: npt.NDArray[np.float64],
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    size_wh: tuple[int, int],
) -> None:
    """Draw shapes (N, 2) as points, anchors (A, 2) before and after as marks; all in pixels of the network input."""
    figure = Figure(figsize=(8, 8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.add_subplot()
    points = shapes if len(shapes) <= MAX_POINTS else np.random.default_rng(0).choice(shapes, MAX_POINTS, replace=False)
    panel.scatter(points[:, 0], points[:, 1], s=9, alpha=0.25, color=GREY, linewidths=0, label=f"{len(shapes):,} boxes")
    panel.scatter(before[:, 0], before[:, 1], s=90, marker="x", linewidths=2, color=BLUE, label="anchors before")
    panel.scatter(after[:, 0], after[:, 1], s=110, marker="+", linewidths=2.5, color=ORANGE, label="anchors after")
    furthest = np.concatenate([shapes, before, after]).max(axis=0)
    panel.set(xlim=(0, 1.05 * furthest[0]), ylim=(0, 1.05 * furthest[1]))
    panel.set_title(f"box shapes in a network input of {size_wh[0]} x {size_wh[1]} px", fontweight="bold")
    panel.set_xlabel("width, px")
    panel.set_ylabel("height, px")
    panel.grid(visible=True, linewidth=0.4, alpha=0.5)
    panel.legend(loc="upper left")
    with atomic_path(path) as temporary:
        figure.savefig(temporary)
