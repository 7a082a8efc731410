"""Plot of box shapes and anchors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.visualization.figures import add_grid_lines, new_figure, save_figure

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

MAX_POINTS = 20_000
GREY, BLUE, ORANGE = "#9aa3af", "#2f6db5", "#e4572e"


def plot_anchors(
    path: Path,
    shapes_wh: npt.NDArray[np.float64],
    before_wh: npt.NDArray[np.float64],
    after_wh: npt.NDArray[np.float64],
    input_size: tuple[int, int],
) -> None:
    """Draw box shapes and anchors.

    Args:
        path: the image file to write.
        shapes_wh: (N, 2), width and height of boxes, pixels of the network input; drawn as points.
        before_wh: (A, 2), the anchors before fitting, same unit.
        after_wh: (A, 2), the anchors after fitting, same unit.
        input_size: width and height of the network input, pixels.
    """
    figure = new_figure(8, 8, dpi=110)
    axes = figure.add_subplot()
    points = shapes_wh
    if len(points) > MAX_POINTS:
        points = np.random.default_rng(0).choice(points, MAX_POINTS, replace=False)
    axes.scatter(
        points[:, 0], points[:, 1], s=9, alpha=0.25, color=GREY, linewidths=0, label=f"{len(shapes_wh):,} boxes"
    )
    axes.scatter(before_wh[:, 0], before_wh[:, 1], s=90, marker="x", linewidths=2, color=BLUE, label="anchors before")
    axes.scatter(after_wh[:, 0], after_wh[:, 1], s=110, marker="+", linewidths=2.5, color=ORANGE, label="anchors after")
    largest = np.concatenate([shapes_wh, before_wh, after_wh]).max(axis=0)
    axes.set(xlim=(0, 1.05 * largest[0]), ylim=(0, 1.05 * largest[1]))
    axes.set_title(f"box shapes in a network input of {input_size[0]} x {input_size[1]} px", fontweight="bold")
    axes.set_xlabel("width, px")
    axes.set_ylabel("height, px")
    add_grid_lines(axes)
    axes.legend(loc="upper left")
    save_figure(figure, path)
