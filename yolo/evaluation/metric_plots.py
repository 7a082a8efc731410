"""Plots of an evaluation as images, (H, W, 3) uint8, BGR."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.visualization.figures import add_grid_lines, figure_to_bgr, new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from yolo.evaluation.metrics.coco_metrics import CocoMetrics
    from yolo.evaluation.metrics.confidence_curves import ConfidenceCurves
    from yolo.evaluation.metrics.error_kinds import ErrorKind

BLUE, ORANGE, INK = "#1f5fa8", "#d1591f", "#2b2d33"
DPI = 110
MAX_NAMES = 20  # in a legend
MAX_CELLS = 30  # classes in a confusion matrix
NAME_LENGTH = 16  # characters beside an axis


def draw_pr_curves(metrics: CocoMetrics) -> npt.NDArray[np.uint8]:
    """Precision over recall at IoU .5 of each class that has truth, and their mean."""
    figure = new_figure(7, 5, dpi=DPI)
    panel = figure.add_subplot()
    rows = [row for row in metrics.classes if row.curve50]
    recalls = np.linspace(0, 1, len(rows[0].curve50)) if rows else np.zeros(0)
    for row in rows:
        label = f"{row.name} {row.map50:.3f}" if len(rows) <= MAX_NAMES else None
        panel.plot(recalls, row.curve50, linewidth=1, label=label)
    if rows:
        mean = np.mean([row.curve50 for row in rows], axis=0)
        panel.plot(recalls, mean, linewidth=2.5, color=BLUE, label=f"all {metrics.map50:.3f}")
        figure.legend(loc="outside right upper", fontsize=8, title="mAP50")
    panel.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    add_grid_lines(panel)
    return figure_to_bgr(figure)


def draw_confidence_curves(curves: ConfidenceCurves, confidence: float) -> npt.NDArray[np.uint8]:
    """F1, precision and recall over the score from which on detections are accepted; a line marks a confidence."""
    figure = new_figure(13, 4, dpi=DPI)
    for panel, title, values in zip(
        figure.subplots(1, 3),
        ("F1", "precision", "recall"),
        (curves.f1, curves.precision, curves.recall),
        strict=True,
    ):
        for name, row in zip(curves.names, values, strict=True):
            panel.plot(curves.score, row, linewidth=0.8, alpha=0.7, label=name)
        if len(values):
            mean = values.mean(axis=0)
            best = int(mean.argmax())
            panel.plot(curves.score, mean, linewidth=2.5, color=BLUE, label="mean of classes")
            shown = f"{title}: mean at most {mean[best]:.3f}, at {curves.score[best]:.2f}" if title == "F1" else title
            panel.set_title(shown, fontsize=10)
        panel.axvline(confidence, color=INK, linewidth=0.8, linestyle=":")
        panel.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence")
        add_grid_lines(panel)
    if 0 < len(curves.names) <= MAX_NAMES:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", fontsize=8)
    return figure_to_bgr(figure)


def draw_confusion_matrix(counts: npt.NDArray[np.int64], names: Sequence[str]) -> npt.NDArray[np.uint8]:
    """A confusion matrix, its columns (what it is) coloured by share; of many classes the most frequent ones."""
    frequency = counts[:-1].sum(axis=1) + counts[:, :-1].sum(axis=0)
    chosen = np.sort(np.argsort(-frequency, kind="stable")[:MAX_CELLS])
    chosen = chosen[frequency[chosen] > 0]
    cells = np.append(chosen, len(names))
    shown = counts[np.ix_(cells, cells)]
    share = shown / np.maximum(counts.sum(axis=0)[cells], 1)
    labels = [names[k][:NAME_LENGTH] for k in chosen]
    side = max(5.0, 0.42 * len(cells) + 2)
    figure = new_figure(side + 1, side, dpi=DPI)
    panel = figure.add_subplot()
    image = panel.imshow(share, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=panel, shrink=0.8, label="share of the column")
    for (row, column), count in np.ndenumerate(shown):
        if count:
            colour = "white" if share[row, column] > 0.55 else INK
            panel.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)
    places = np.arange(len(cells))
    panel.set_xticks(places, [*labels, "background"], rotation=90, fontsize=8)
    panel.set_yticks(places, [*labels, "missed"], fontsize=8)
    left_out = int(np.sum(frequency > 0)) - len(chosen)
    rest = f" ({left_out} rarer classes left out)" if left_out else ""
    panel.set(xlabel=f"what it is{rest}", ylabel="what it was found to be")
    return figure_to_bgr(figure)


def draw_error_kinds(kinds: Sequence[ErrorKind], confidence: float) -> npt.NDArray[np.uint8]:
    """How much mAP50 each kind of mistake costs, and how many there are at a confidence."""
    figure = new_figure(9, 3, dpi=DPI)
    costs, counts = figure.subplots(1, 2)
    names = [kind.name for kind in kinds][::-1]
    costs.barh(names, [100 * max(kind.cost, 0) for kind in kinds][::-1], color=ORANGE)
    costs.set(xlabel="points of mAP50 lost")
    counts.barh(names, [kind.count for kind in kinds][::-1], color=BLUE)
    counts.set(xlabel=f"mistakes at confidence {confidence:g}")
    for panel in (costs, counts):
        panel.tick_params(labelsize=9)
        panel.spines[["top", "right"]].set_visible(False)
    return figure_to_bgr(figure)


def draw_speed_accuracy(sizes: Sequence[int], ms: Sequence[float], scores: Sequence[float]) -> npt.NDArray[np.uint8]:
    """Score over time, a point for each size of the network input."""
    figure = new_figure(7, 5, dpi=DPI)
    panel = figure.add_subplot()
    panel.plot(ms, scores, marker="o", color=BLUE)
    for size, x, y in zip(sizes, ms, scores, strict=True):
        panel.annotate(f"{size} px", (x, y), textcoords="offset points", xytext=(8, 5), fontsize=9)
    limits = {"xlim": (0, 1.15 * max(ms)), "ylim": (0, max(1.1 * max(scores), 0.01))}
    panel.set(xlabel="forward and NMS, ms an image", ylabel="mAP50-95", **limits)
    add_grid_lines(panel)
    return figure_to_bgr(figure)
