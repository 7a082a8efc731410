"""Plot of a schedule, to check it before a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.visualization.figures import add_grid_lines, new_figure, save_figure

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from yolo.engine.phases import PhasedSchedule
    from yolo.engine.schedule import Schedule

NUM_POINTS = 2000


def plot_schedule(schedule: Schedule | PhasedSchedule, path: Path) -> None:
    """Plot learning rates and momentum over the run, and the learning rates of burn-in in a panel of their own.

    Args:
        schedule: to plot.
        path: of the image.
    """
    figure = new_figure(11, 3.2, dpi=100)
    panels = figure.subplots(1, 3)
    whole = np.linspace(0, schedule.epochs, NUM_POINTS)
    highest = _draw_rates(panels[0], schedule, whole)
    panels[0].set_ylim(0, 1.08 * highest)  # biases may start far above
    panels[0].set_title("learning rate", fontsize=10)
    if schedule.burn_in:
        _draw_rates(panels[1], schedule, np.linspace(0, 1.3 * schedule.burn_in, NUM_POINTS))
        panels[1].axvline(schedule.burn_in, linewidth=0.8, linestyle=":", color="gray")
        panels[1].set_title(f"learning rate in burn-in, {schedule.burn_in:.3g} epochs", fontsize=10)
    else:
        start = np.linspace(0, min(schedule.epochs, 1.0), NUM_POINTS)
        _draw_rates(panels[1], schedule, start)
        panels[1].set_title("learning rate in the first epoch", fontsize=10)
    panels[2].plot(whole, [schedule.momentum_at(epoch) for epoch in whole], linewidth=1.5, color="#1f5fa8")
    panels[2].set_ylim(0.85 * schedule.momentum, 1.0)
    panels[2].set_title("momentum", fontsize=10)
    for panel in panels:
        panel.set_xlabel("epoch", fontsize=9)
        panel.tick_params(labelsize=8)
        add_grid_lines(panel)
    save_figure(figure, path)


def _draw_rates(
    panel: Axes, schedule: Schedule | PhasedSchedule, epochs: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> float:
    """Draw the learning rates, and return the highest one of weights."""
    rates = [schedule.lr_at(epoch, bias=False) for epoch in epochs]
    panel.plot(epochs, [schedule.lr_at(epoch, bias=True) for epoch in epochs], "--", linewidth=1, color="#d1603d")
    panel.plot(epochs, rates, linewidth=1.5, color="#1f5fa8")
    panel.legend(["biases", "weights"], fontsize=8)
    return max(rates)
