"""Write a network file for a data set: classes, filters, anchors and input size change together."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from yolo.config.loss_settings import LossSettings
from yolo.config.tile_settings import TileSettings
from yolo.darknet.cfg_file import NET, CfgFile
from yolo.data.formats.open_dataset import open_dataset
from yolo.data.tile_index import cut_as_set
from yolo.dataset_tools.anchor_fitting import find_anchors, letterboxed_shapes, measure
from yolo.errors import DataError, SettingsError, require_img_size, require_ranges
from yolo.model.graph import Graph, plan, with_classes
from yolo.model.head_anchors import head_anchors, num_anchors, with_anchors
from yolo.model.network import Darknet
from yolo.model.small_object_head import with_small_object_head
from yolo.storage import require_absent

if TYPE_CHECKING:
    from yolo.data.index import Index

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class NewCfgSettings(TileSettings):
    """Write a network file for other classes, starting from an existing one."""

    base: str
    """Network file to start from, or the name of a shipped one."""
    data: str = ""
    """Data set that gives the classes, and the boxes that anchors are fitted to."""
    classes: int | None = None
    """Number of classes; default: the data set's."""
    anchors: Literal["auto", "keep"] = "keep"
    """auto: fit them to the boxes of the data set's training split; keep: those of --base."""
    small_objects: bool = False
    """Add a head at stride 4, for objects of a few pixels, and fit the anchors of all heads to the data set."""
    img_size: int | None = None
    """Side of the network input, pixels; default: that of --base."""
    seed: int = 0
    """Random seed of the anchors: equal seeds give equal anchors."""
    out: Path | None = None
    """File to write; default: BASE-DATA.cfg or BASE-CLASSES.cfg in the working directory."""

    def __post_init__(self) -> None:
        require_img_size(self.img_size)
        require_ranges(self, classes=(1, 100_000), seed=(0, 2**32 - 1))
        if self.classes is None and not self.data:
            raise SettingsError("--classes is missing: give it, or --data, whose classes are counted")
        if self.anchors == "auto" and not self.data:
            raise SettingsError("--anchors auto: needs the boxes of a data set; give --data")
        if self.small_objects and not self.data:
            raise SettingsError("--small-objects: needs the boxes of a data set for its anchors; give --data")
        self.check_tiles(rect=False)


def write_new_cfg(settings: NewCfgSettings) -> Path:
    """Write the network file and return its path.

    Raises:
        YoloError: a file is missing or wrong, the data set has another number of classes, or the output exists.
    """
    base = CfgFile.read(settings.base)
    dataset = open_dataset(settings.data) if settings.data else None
    num_classes = settings.classes or len(dataset.names if dataset else ())
    if dataset and num_classes != len(dataset.names):
        raise SettingsError(f"--classes {num_classes}: {settings.data} has {len(dataset.names)}; leave one of them out")
    suffix = Path(settings.data).stem if settings.data else str(num_classes)
    out = settings.out or Path(f"{Path(base.path).stem}-{suffix}.cfg")
    require_absent("--out", out)
    graph = plan(base)
    if settings.small_objects:
        graph = with_small_object_head(graph)
    graph = with_classes(graph, num_classes)
    if settings.img_size:
        graph = plan(graph.cfg.edited({(NET, key): str(settings.img_size) for key in ("width", "height")}))
    if settings.anchors == "auto" or settings.small_objects:
        assert dataset is not None
        index = cut_as_set(dataset.index("train"), settings, graph.net.width)
        graph = with_fitted_anchors(graph, index, settings.seed)
    model = Darknet(graph)
    graph.cfg.write(out)
    size = f"{model.net.width} x {model.net.height}"
    _log.info("%s: %d classes, %s px, %s parameters", out, num_classes, size, f"{model.num_parameters:,}")
    return out


def with_fitted_anchors(graph: Graph, index: Index, seed: int) -> Graph:
    """Return the network with as many anchors as before, fitted to the boxes of a split at its own input size."""
    shapes = letterboxed_shapes(index, (graph.net.width, graph.net.height))
    if not len(shapes):
        raise DataError("--anchors auto: the training split has no boxes; use --anchors keep")
    before, threshold = head_anchors(graph), LossSettings().iou_t
    after = find_anchors(shapes, num_anchors(graph), threshold=threshold, seed=seed, start=before)
    old, fitted = measure(shapes, before, threshold), measure(shapes, after, threshold)
    _log.info(
        "anchors: best possible recall %.4f -> %.4f, mean best IoU %.3f -> %.3f over %s boxes",
        old.recall, fitted.recall, old.mean_iou, fitted.mean_iou, f"{len(shapes):,}",
    )  # fmt: skip
    return with_anchors(graph, after)
