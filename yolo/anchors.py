"""`python -m yolo.anchors`: fit the anchors of a network to the boxes of a data set."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from yolo.config.loss_settings import LossSettings
from yolo.config.program import run_program
from yolo.config.tile_settings import TileSettings
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.tile_index import cut_as_set
from yolo.dataset_tools.anchor_fitting import find_anchors, letterboxed_shapes, measure
from yolo.dataset_tools.anchor_plot import plot_anchors
from yolo.errors import DataError, require, require_img_size, require_ranges
from yolo.model.graph import read_graph
from yolo.model.head_anchors import anchor_heads, head_anchors, num_anchors, with_anchors
from yolo.storage import require_absent

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ANCHORS = 1000
STRICT = 0.5  # a second threshold of recall in the table


@dataclass(frozen=True, kw_only=True)
class AnchorSettings(TileSettings):
    """Fit anchors to a data set, compare them with those of a network, and write the network with the new ones.

    Best possible recall is the fraction of the boxes that have an anchor in training: their IoU with some anchor, at
    the same centre, is above --iou-t.
    """

    cfg: str
    """Network file, or the name of a shipped one."""
    data: str = "shapes"
    """Data set: a .data file, data.yaml, VOC or COCO folder, COCO .json, folder of images, or 'shapes'."""
    split: str = "train"
    """Split whose boxes are used."""
    img_size: int | None = None
    """Side of the network input, pixels; default: the cfg's width and height."""
    num: int | None = None
    """Anchors of all heads together; default: as in --cfg. Another number changes the filters before the heads."""
    iou_t: float = LossSettings().iou_t
    """IoU of shapes above which training assigns an anchor to a box."""
    seed: int = 0
    """Random seed: equal seeds give equal anchors."""
    out: Path | None = None
    """Write the network with the new anchors to this file."""
    plot: Path | None = None
    """Draw box shapes and anchors to this .png."""

    def __post_init__(self) -> None:
        require_img_size(self.img_size)
        require("--iou-t", self.iou_t, 0 <= self.iou_t < 1, "a number from 0 to below 1")
        self.check_tiles(rect=False)
        require_ranges(self, seed=(0, 2**32 - 1), num=(1, MAX_ANCHORS))
        require(
            "--plot", self.plot, self.plot is None or self.plot.suffix.lower() == ".png", "a name that ends in .png"
        )


def main(arguments: Sequence[str]) -> None:
    """Read the command line, fit anchors, and print the comparison."""
    settings = tyro.cli(AnchorSettings, args=arguments, prog="python -m yolo.anchors")
    out = settings.out.expanduser() if settings.out else None
    if out is not None:
        require_absent("--out", out)
    graph = read_graph(settings.cfg)
    num_heads, before = len(anchor_heads(graph)), head_anchors(graph)
    num = num_anchors(graph) if settings.num is None else settings.num
    require("--num", num, num >= num_heads, f"{num_heads} or more, one a head")
    size_wh = (settings.img_size, settings.img_size) if settings.img_size else (graph.net.width, graph.net.height)
    index = cut_as_set(open_dataset(settings.data).index(settings.split), settings, size_wh[0])
    shapes = letterboxed_shapes(index, size_wh)
    if not len(shapes):
        raise DataError(f"--data {settings.data}: the split '{settings.split}' has no boxes; use another --split")
    require("--num", num, num <= len(shapes), f"{len(shapes)} or less, the number of boxes")
    after = find_anchors(shapes, num, threshold=settings.iou_t, seed=settings.seed, start=before)
    sys.stdout.write(f"{len(shapes):,} boxes of '{settings.split}' in {size_wh[0]} x {size_wh[1]} px\n")
    sys.stdout.write(f"        anchors  recall>{settings.iou_t:<4g} recall>{STRICT:<4g} mean best IoU\n")
    for title, anchors in (("before", before), ("after", after)):
        loose, strict = measure(shapes, anchors, settings.iou_t), measure(shapes, anchors, STRICT)
        row = f"{title:<7} {len(anchors):>7}  {loose.recall:>11.4f} {strict.recall:>11.4f} {loose.mean_iou:>13.4f}\n"
        sys.stdout.write(row)
    sys.stdout.write("anchors=" + ", ".join(f"{w:g},{h:g}" for w, h in after.tolist()) + "\n")
    if settings.plot:
        plot_anchors(settings.plot.expanduser(), shapes, before, after, size_wh)
    if out is not None:
        with_anchors(graph, after).cfg.write(out)


if __name__ == "__main__":
    raise SystemExit(run_program(main))
