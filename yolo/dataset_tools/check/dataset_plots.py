"""What the boxes of a data set are like, as one image of six panels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from yolo.darknet.cfg_file import CfgFile
from yolo.darknet.cfg_keys import read_keys
from yolo.darknet.net_section import NetSection
from yolo.dataset_tools.check.checks.box_checks import INPUT_SIDE
from yolo.dataset_tools.check.checks.class_checks import class_counts
from yolo.errors import CfgError
from yolo.visualization.figures import new_figure

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from yolo.dataset_tools.check.scan import DatasetScan

REGION_STRIDE = 32  # pixels a cell of YOLOv2's networks: [region] states anchors in cells
MAX_BARS = 20  # classes in the axes
MAX_SIZES = 5  # of images that are named
BLUE, ORANGE, INK = "#2f6db5", "#e4572e", "#2b2d33"
MAP = "Blues"


@dataclass(frozen=True, slots=True)
class CfgAnchors:
    """The anchors of a network file, for drawing."""

    name: str
    side: tuple[int, int]  # width and height of the network input, pixels
    anchors_wh: npt.NDArray[np.float64]  # (A, 2), pixels of it


def read_cfg_anchors(path_or_name: str) -> CfgAnchors:
    """Read the anchors of all heads of a network file.

    Raises:
        CfgError: no such file, or one without anchors.
    """
    cfg = CfgFile.read(path_or_name)
    net = read_keys(NetSection, cfg.net)
    pairs: dict[tuple[float, float], None] = {}
    for section in cfg.layers:
        line = section.find("anchors")
        if line is None:
            continue
        try:
            values = [float(part) for part in line.value.split("#")[0].split(",") if part]
        except ValueError as error:
            raise CfgError(f"{section.where('anchors')}: 'anchors={line.value}': not numbers") from error
        unit = REGION_STRIDE if section.name == "region" else 1
        pairs |= dict.fromkeys((w * unit, h * unit) for w, h in zip(values[::2], values[1::2], strict=False))
    if not pairs:
        raise CfgError(f"{cfg.path}: no head of this network has anchors; leave --cfg out, or name another")
    return CfgAnchors(cfg.path, (net.width, net.height), np.array(list(pairs)))


def draw_plots(scan: DatasetScan, anchors: CfgAnchors | None) -> Figure:
    """Draw box sizes, aspect ratios, centres, classes, boxes per image, and image sizes."""
    figure = new_figure(15, 8.6, dpi=100, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    panels = figure.subplots(2, 3)
    keep = scan.has_area
    boxes = scan.clipped_xyxy[keep]
    sizes = scan.sizes[scan.image_of[keep]].astype(float)
    shapes = boxes[:, 2:] - boxes[:, :2]
    side = anchors.side if anchors else (INPUT_SIDE, INPUT_SIDE)
    scale = (np.array(side) / np.maximum(sizes, 1)).min(axis=1, initial=np.inf, keepdims=True)
    _draw_sizes(panels[0, 0], shapes * scale, side, anchors)
    _draw_ratios(panels[0, 1], shapes)
    _draw_centres(panels[0, 2], (boxes[:, :2] + boxes[:, 2:]) / 2 / sizes)
    _draw_classes(panels[1, 0], scan)
    _draw_counts(panels[1, 1], scan)
    _draw_images(panels[1, 2], scan.sizes[scan.decodes])
    for axes in panels.flat:
        axes.tick_params(labelsize=9, colors=INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set(fontsize=12, color=INK, fontweight="bold")
    return figure


def _draw_sizes(axes: Axes, shapes: npt.NDArray[np.float64], side: tuple[int, int], anchors: CfgAnchors | None) -> None:
    axes.set_title(f"box sizes in a network input of {side[0]} x {side[1]} px")
    axes.set_xlabel("width, px")
    axes.set_ylabel("height, px")
    if len(shapes):
        grid = (np.linspace(0, side[0], 53), np.linspace(0, side[1], 53))
        axes.hist2d(shapes[:, 0], shapes[:, 1], bins=grid, cmap=MAP, norm=LogNorm(vmin=0.5), rasterized=True)
    axes.set(xlim=(0, side[0]), ylim=(0, side[1]))
    if anchors:
        label = f"anchors of {anchors.name.rpartition('/')[2]}"
        widths, heights = anchors.anchors_wh.T
        axes.scatter(widths, heights, marker="x", s=60, linewidths=2, color=ORANGE, label=label, clip_on=False)
        axes.legend(fontsize=9, loc="upper left")


def _draw_ratios(axes: Axes, shapes: npt.NDArray[np.float64]) -> None:
    axes.set_title("aspect ratios")
    axes.set_xlabel("width / height")
    axes.set_ylabel("boxes")
    ratios = np.log2(np.clip(shapes[:, 0] / shapes[:, 1], 1 / 16, 16)) if len(shapes) else np.zeros(0)
    axes.hist(ratios, bins=np.linspace(-4, 4, 49).tolist(), color=BLUE)
    axes.xaxis.set_major_locator(FixedLocator(range(-4, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{2**x:g}" if x >= 0 else f"1/{2**-x:g}"))
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")


def _draw_centres(axes: Axes, centres: npt.NDArray[np.float64]) -> None:
    axes.set_title("where box centres lie")
    axes.set_xlabel("of the image's width")
    axes.set_ylabel("of the image's height")
    counts, _, _ = np.histogram2d(centres[:, 1], centres[:, 0], bins=32, range=((0, 1), (0, 1)))
    image = axes.imshow(counts, extent=(0, 1, 1, 0), cmap=MAP, interpolation="nearest", aspect="auto")
    axes.figure.colorbar(image, ax=axes, label="boxes", ticks=MaxNLocator(nbins=6, integer=True), shrink=0.9)


def _draw_classes(axes: Axes, scan: DatasetScan) -> None:
    axes.set_title("boxes a class")
    splits = [split for split in ("train", "val", "test") if split in scan.splits] or list(scan.splits)
    counts = np.array([class_counts(scan, split) for split in splits]).reshape(len(splits), -1)
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    order = order[counts.sum(axis=0)[order] > 0]
    shown = order[:MAX_BARS][::-1]
    start = np.zeros(len(shown))
    for split, row, colour in zip(splits, counts, (BLUE, ORANGE, "#8a8f98", "#58a55c", "#9467bd") * 9, strict=False):
        axes.barh(np.arange(len(shown)), row[shown], left=start, color=colour, label=split, height=0.75)
        start = start + row[shown]
    axes.set_yticks(np.arange(len(shown)), [scan.names[c] for c in shown])
    axes.set_xlabel(f"boxes; the commonest {len(shown)} classes" if len(order) > len(shown) else "boxes")
    axes.legend(fontsize=9, loc="lower right")


def _draw_counts(axes: Axes, scan: DatasetScan) -> None:
    axes.set_title("boxes an image")
    axes.set_xlabel("boxes")
    axes.set_ylabel("images")
    counts = np.diff(scan.box_ends)[scan.decodes]
    most = int(counts.max(initial=1))
    width = max(1, -(-most // 60))
    axes.hist(counts, bins=(np.arange(0, most + 2 * width, width) - 0.5).tolist(), color=BLUE, rwidth=0.9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_images(axes: Axes, sizes: npt.NDArray[np.int32]) -> None:
    axes.set_title("sizes of images")
    axes.set_xlabel("width, px")
    axes.set_ylabel("height, px")
    if not len(sizes):
        return
    distinct, counts = np.unique(sizes, axis=0, return_counts=True)
    axes.scatter(
        distinct[:, 0],
        distinct[:, 1],
        s=30 + 300 * counts / counts.max(),
        alpha=0.5,
        color=BLUE,
        edgecolors=INK,
        linewidths=0.5,
    )
    commonest = np.argsort(-counts, kind="stable")[:MAX_SIZES]
    rows = [f"{distinct[i, 0]} x {distinct[i, 1]}: {counts[i]:,}" for i in commonest]
    if len(counts) > len(rows):
        rows.append(f"and {len(counts) - len(rows):,} more sizes")
    axes.text(0.03, 0.97, "\n".join(rows), transform=axes.transAxes, va="top", fontsize=9, color=INK)
    axes.set(xlim=(0, 1.25 * sizes[:, 0].max()), ylim=(0, 1.25 * sizes[:, 1].max()))
