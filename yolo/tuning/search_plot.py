"""Plot the generations of a search."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from yolo.tuning.search_log import best_generation
from yolo.visualization.figures import add_grid_lines, new_figure, save_figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from yolo.tuning.search_log import Generation
    from yolo.tuning.search_space import SearchParam

PANELS_PER_ROW = 6
LATE, EARLY = "#1f5fa8", "#b9cfe8"


def plot_generations(generations: Sequence[Generation], params: Sequence[SearchParam], path: Path) -> None:
    """Draw each param's values against fitness, the later half of the search darker, the best generation as a cross.

    Args:
        generations: one or more.
        params: hyper-parameters, one panel each.
        path: the image to write.
    """
    best = best_generation(generations)
    assert best is not None
    figure = new_figure(2.3 * PANELS_PER_ROW, 2.2 * math.ceil(len(params) / PANELS_PER_ROW), dpi=100)
    fitness = [generation.fitness for generation in generations]
    colours = [LATE if 2 * number >= len(generations) else EARLY for number in range(len(generations))]
    for number, param in enumerate(params, start=1):
        panel = figure.add_subplot(math.ceil(len(params) / PANELS_PER_ROW), PANELS_PER_ROW, number)
        panel.scatter([generation.values[param.name] for generation in generations], fitness, s=14, c=colours)
        panel.plot([best.values[param.name]], [best.fitness], marker="+", markersize=12, color="#c0392b")
        if param.log_scale:
            _scale_logarithmically(panel, [generation.values[param.name] for generation in generations])
        else:
            panel.xaxis.set_major_locator(MaxNLocator(nbins=4))
        panel.set_title(f"{param.name}, best {best.values[param.name]:.3g}", fontsize=9)
        panel.tick_params(labelsize=7)
        add_grid_lines(panel)
        if number % PANELS_PER_ROW == 1:
            panel.set_ylabel("fitness", fontsize=8)
    save_figure(figure, path)


def _scale_logarithmically(panel: Axes, values: Sequence[float]) -> None:
    """Use a logarithmic axis with three labels; labels at powers of ten would often be none."""
    panel.set_xscale("log")
    ticks = sorted(set(np.geomspace(min(values), max(values), 3).tolist())) if min(values) < max(values) else values[:1]
    panel.set_xticks(ticks, labels=[f"{tick:.3g}" for tick in ticks])
    panel.xaxis.set_minor_locator(NullLocator())
