"""Plots of metrics as images, (H, W, 3) uint8, BGR."""

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
MAX_LEGEND_NAMES = 20
MAX_MATRIX_CLASSES = 30  # in the confusion matrix
MAX_LABEL_LENGTH = 16  # characters of a class name in the confusion matrix


def draw_pr_curves(metrics: CocoMetrics) -> npt.NDArray[np.uint8]:
    """Draw precision over recall at IoU .5 for each class with ground truth, and their mean."""
    figure = new_figure(7, 5, dpi=DPI)
    panel = figure.add_subplot()
    rows = [row for row in metrics.classes if row.curve50]
    recalls = np.linspace(0, 1, len(rows[0].curve50)) if rows else np.zeros(0)
    for row in rows:
        label = f"{row.name} {row.map50:.3f}" if len(rows) <= MAX_LEGEND_NAMES else None
        panel.plot(recalls, row.curve50, linewidth=1, label=label)
    if rows:
        mean = np.mean([row.curve50 for row in rows], axis=0)
        panel.plot(recalls, mean, linewidth=2.5, color=BLUE, label=f"all {metrics.map50:.3f}")
        figure.legend(loc="outside right upper", fontsize=8, title="mAP50")
    panel.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    add_grid_lines(panel)
    return figure_to_bgr(figure)


def draw_confidence_curves(curves: ConfidenceCurves, confidence: float) -> npt.NDArray[np.uint8]:
    """Draw F1, precision and recall over the confidence threshold; a line marks `confidence`."""
    figure = new_figure(13, 4, dpi=DPI)
    for panel, title, values in zip(
        figure.subplots(1, 3),
        ("F1", "precision", "recall"),
        (curves.f1, curves.precision, curves.recall),
        strict=True,
    ):
        for name, row in zip(curves.names, values, strict=True):
            panel.plot(curves.confidence, row, linewidth=0.8, alpha=0.7, label=name)
        if len(values):
            mean = values.mean(axis=0)
            best = int(mean.argmax())
            panel.plot(curves.confidence, mean, linewidth=2.5, color=BLUE, label="mean of classes")
            suffix = f": best mean {mean[best]:.3f} at {curves.confidence[best]:.2f}" if title == "F1" else ""
            panel.set_title(f"{title}{suffix}", fontsize=10)
        panel.axvline(confidence, color=INK, linewidth=0.8, linestyle=":")
        panel.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence")
        add_grid_lines(panel)
    if 0 < len(curves.names) <= MAX_LEGEND_NAMES:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", fontsize=8)
    return figure_to_bgr(figure)


def draw_confusion_matrix(counts: npt.NDArray[np.int64], names: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Draw a confusion matrix, coloured by share of each column; of many classes only the most frequent ones.

    Args:
        counts: (K + 1, K + 1), predicted class (last: missed) x true class (last: background).
        names: of the K classes.
    """
    frequency = counts[:-1].sum(axis=1) + counts[:, :-1].sum(axis=0)
    class_ids = np.sort(np.argsort(-frequency, kind="stable")[:MAX_MATRIX_CLASSES])
    class_ids = class_ids[frequency[class_ids] > 0]
    cells = np.append(class_ids, len(names))
    cell_counts = counts[np.ix_(cells, cells)]
    share = cell_counts / np.maximum(counts.sum(axis=0)[cells], 1)
    labels = [names[k][:MAX_LABEL_LENGTH] for k in class_ids]
    side = max(5.0, 0.42 * len(cells) + 2)
    figure = new_figure(side + 1, side, dpi=DPI)
    panel = figure.add_subplot()
    image = panel.imshow(share, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=panel, shrink=0.8, label="share of the column")
    for (row, column), count in np.ndenumerate(cell_counts):
        if count:
            colour = "white" if share[row, column] > 0.55 else INK
            panel.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)
    ticks = np.arange(len(cells))
    panel.set_xticks(ticks, [*labels, "background"], rotation=90, fontsize=8)
    panel.set_yticks(ticks, [*labels, "missed"], fontsize=8)
    num_omitted = int(np.sum(frequency > 0)) - len(class_ids)
    note = f" ({num_omitted} rarer classes omitted)" if num_omitted else ""
    panel.set(xlabel=f"ground truth{note}", ylabel="predicted")
    return figure_to_bgr(figure)


def draw_error_kinds(kinds: Sequence[ErrorKind], confidence: float) -> npt.NDArray[np.uint8]:
    """Draw the mAP50 that each kind of error costs, and the number of errors at a confidence threshold."""
    figure = new_figure(9, 3, dpi=DPI)
    cost_panel, count_panel = figure.subplots(1, 2)
    names = [kind.name for kind in kinds][::-1]
    cost_panel.barh(names, [100 * max(kind.map50_lost, 0) for kind in kinds][::-1], color=ORANGE)
    cost_panel.set(xlabel="points of mAP50 lost")
    count_panel.barh(names, [kind.count for kind in kinds][::-1], color=BLUE)
    count_panel.set(xlabel=f"errors at confidence {confidence:g}")
    for panel in (cost_panel, count_panel):
        panel.tick_params(labelsize=9)
        panel.spines[["top", "right"]].set_visible(False)
    return figure_to_bgr(figure)


def draw_speed_accuracy(sizes: Sequence[int], ms: Sequence[float], maps: Sequence[float]) -> npt.NDArray[np.uint8]:
    """Draw mAP50-95 over milliseconds per image, a point for each size of the network input."""
    figure = new_figure(7, 5, dpi=DPI)
    panel = figure.add_subplot()
    panel.plot(ms, maps, marker="o", color=BLUE)
    for size, x, y in zip(sizes, ms, maps, strict=True):
        panel.annotate(f"{size} px", (x, y), textcoords="offset points", xytext=(8, 5), fontsize=9)
    limits = {"xlim": (0, 1.15 * max(ms)), "ylim": (0, max(1.1 * max(maps), 0.01))}
    panel.set(xlabel="forward and NMS, ms per image", ylabel="mAP50-95", **limits)
    add_grid_lines(panel)
    return figure_to_bgr(figure)
