"""Statistics of the boxes and images of a data set as six plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from yolo.dataset_tools.check.checks.box_checks import INPUT_SIDE
from yolo.dataset_tools.check.checks.class_checks import class_counts
from yolo.visualization.figures import new_figure

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from yolo.dataset_tools.check.scan import DatasetScan

MAX_BARS = 20  # classes in a plot
MAX_SIZES = 5  # image sizes that are listed
BLUE, ORANGE, INK = "#2f6db5", "#e4572e", "#2b2d33"
SPLIT_COLOURS = (BLUE, ORANGE, "#8a8f98", "#58a55c", "#9467bd")
COLOUR_MAP = "Blues"


@dataclass(frozen=True, slots=True)
class NetworkAnchors:
    """The anchors of a network, for a plot."""

    title: str  # the name of the network file
    input_size: tuple[int, int]  # width and height of the network input, pixels
    anchors_wh: npt.NDArray[np.float64]  # (A, 2), pixels of the network input


def draw_plots(scan: DatasetScan, anchors: NetworkAnchors | None) -> Figure:
    """Draw box sizes, aspect ratios, box centres, boxes per class, boxes per image, and image sizes."""
    figure = new_figure(15, 8.6, dpi=100, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    grid = figure.subplots(2, 3)
    keep = scan.has_area
    boxes_xyxy = scan.clipped_xyxy[keep]
    image_sizes = scan.sizes[scan.image_of_box[keep]].astype(float)
    shapes_wh = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    input_size = anchors.input_size if anchors else (INPUT_SIDE, INPUT_SIDE)
    _draw_box_sizes(grid[0, 0], scan.shapes_in_input(input_size)[keep], input_size, anchors)
    _draw_aspect_ratios(grid[0, 1], shapes_wh)
    _draw_centres(grid[0, 2], (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2 / image_sizes)
    _draw_boxes_per_class(grid[1, 0], scan)
    _draw_boxes_per_image(grid[1, 1], scan)
    _draw_image_sizes(grid[1, 2], scan.sizes[scan.is_decodable])
    for axes in grid.flat:
        axes.tick_params(labelsize=9, colors=INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set(fontsize=12, color=INK, fontweight="bold")
    return figure


def _draw_box_sizes(
    axes: Axes, shapes_wh: npt.NDArray[np.float64], input_size: tuple[int, int], anchors: NetworkAnchors | None
) -> None:
    width, height = input_size
    axes.set_title(f"box sizes in a network input of {width} x {height} px")
    axes.set_xlabel("width, px")
    axes.set_ylabel("height, px")
    if len(shapes_wh):
        bins = (np.linspace(0, width, 53), np.linspace(0, height, 53))
        axes.hist2d(
            shapes_wh[:, 0], shapes_wh[:, 1], bins=bins, cmap=COLOUR_MAP, norm=LogNorm(vmin=0.5), rasterized=True
        )
    axes.set(xlim=(0, width), ylim=(0, height))
    if anchors:
        label = f"anchors of {anchors.title}"
        widths, heights = anchors.anchors_wh.T
        axes.scatter(widths, heights, marker="x", s=60, linewidths=2, color=ORANGE, label=label, clip_on=False)
        axes.legend(fontsize=9, loc="upper left")


def _draw_aspect_ratios(axes: Axes, shapes_wh: npt.NDArray[np.float64]) -> None:
    axes.set_title("aspect ratios")
    axes.set_xlabel("width / height")
    axes.set_ylabel("boxes")
    ratios = np.log2(np.clip(shapes_wh[:, 0] / shapes_wh[:, 1], 1 / 16, 16)) if len(shapes_wh) else np.zeros(0)
    axes.hist(ratios, bins=np.linspace(-4, 4, 49).tolist(), color=BLUE)
    axes.xaxis.set_major_locator(FixedLocator(range(-4, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{2**x:g}" if x >= 0 else f"1/{2**-x:g}"))
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")


def _draw_centres(axes: Axes, centres: npt.NDArray[np.float64]) -> None:
    axes.set_title("box centres")
    axes.set_xlabel("fraction of the image width")
    axes.set_ylabel("fraction of the image height")
    counts, _, _ = np.histogram2d(centres[:, 1], centres[:, 0], bins=32, range=((0, 1), (0, 1)))
    image = axes.imshow(counts, extent=(0, 1, 1, 0), cmap=COLOUR_MAP, interpolation="nearest", aspect="auto")
    axes.figure.colorbar(image, ax=axes, label="boxes", ticks=MaxNLocator(nbins=6, integer=True), shrink=0.9)


def _draw_boxes_per_class(axes: Axes, scan: DatasetScan) -> None:
    axes.set_title("boxes per class")
    splits = [split for split in ("train", "val", "test") if split in scan.splits] or list(scan.splits)
    counts = np.array([class_counts(scan, split) for split in splits]).reshape(len(splits), -1)
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    order = order[counts.sum(axis=0)[order] > 0]
    shown = order[:MAX_BARS][::-1]
    positions = np.arange(len(shown))
    left = np.zeros(len(shown))
    for i, split in enumerate(splits):
        colour = SPLIT_COLOURS[i % len(SPLIT_COLOURS)]
        axes.barh(positions, counts[i, shown], left=left, color=colour, label=split, height=0.75)
        left = left + counts[i, shown]
    axes.set_yticks(positions, [scan.names[c] for c in shown])
    axes.set_xlabel(f"boxes; the {len(shown)} most frequent classes" if len(order) > len(shown) else "boxes")
    axes.legend(fontsize=9, loc="lower right")


def _draw_boxes_per_image(axes: Axes, scan: DatasetScan) -> None:
    axes.set_title("boxes per image")
    axes.set_xlabel("boxes")
    axes.set_ylabel("images")
    counts = np.diff(scan.box_ends)[scan.is_decodable]
    largest = int(counts.max(initial=1))
    width = max(1, -(-largest // 60))
    axes.hist(counts, bins=(np.arange(0, largest + 2 * width, width) - 0.5).tolist(), color=BLUE, rwidth=0.9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_image_sizes(axes: Axes, sizes: npt.NDArray[np.int32]) -> None:
    axes.set_title("image sizes")
    axes.set_xlabel("width, px")
    axes.set_ylabel("height, px")
    if not len(sizes):
        return
    distinct, counts = np.unique(sizes, axis=0, return_counts=True)
    area = 30 + 300 * counts / counts.max()
    widths, heights = distinct.T
    axes.scatter(widths, heights, s=area, alpha=0.5, color=BLUE, edgecolors=INK, linewidths=0.5)
    most_frequent = np.argsort(-counts, kind="stable")[:MAX_SIZES]
    rows = [f"{distinct[i, 0]} x {distinct[i, 1]}: {counts[i]:,}" for i in most_frequent]
    if len(counts) > len(rows):
        rows.append(f"and {len(counts) - len(rows):,} more sizes")
    axes.text(0.03, 0.97, "\n".join(rows), transform=axes.transAxes, va="top", fontsize=9, color=INK)
    axes.set(xlim=(0, 1.25 * sizes[:, 0].max()), ylim=(0, 1.25 * sizes[:, 1].max()))
