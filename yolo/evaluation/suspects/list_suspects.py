"""The work of `python -m yolo.data suspects`: run a trained network over a split and rank images by disagreement."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from yolo.checkpoints.loading import load_model, read_loss_settings, read_validation_settings
from yolo.config.test_settings import EVALUATION_BATCH_SIZE
from yolo.data.formats.open_dataset import open_dataset
from yolo.devices import select_device
from yolo.errors import require, require_img_size, require_ranges
from yolo.evaluation.collect_detections import collect_detections
from yolo.evaluation.evaluation_loader import build_evaluation_detector, build_evaluation_loader, rect_input_sizes
from yolo.evaluation.evaluator import Evaluator
from yolo.evaluation.metrics.coco_match import CocoMatcher
from yolo.evaluation.run_test import read_split
from yolo.evaluation.suspects.loss_detector import LossDetector
from yolo.evaluation.suspects.suspect_images import format_images, rank_images, write_csv, write_drawings
from yolo.model.input_sizes import input_size
from yolo.remote.runs import new_run_folder

if TYPE_CHECKING:
    from yolo.data.index import Index
    from yolo.evaluation.metrics.coco_match import CocoMatches
    from yolo.model.network import Darknet

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectsSettings:
    """Rank the images of a split by how much a trained network disagrees with their labels."""

    data: tyro.conf.Positional[str]
    """Data set: a .data file, data.yaml, VOC or COCO folder, COCO .json, folder of images, or 'shapes'."""
    weights: str
    """.weights, .safetensors, a run's .pt, or a name from `python -m yolo.weights list`, which is downloaded."""
    cfg: str | None = None
    """Network file or name of a shipped one; not needed for .pt, .safetensors and downloaded weights."""
    split: str = "train"
    """Split whose labels are examined."""
    out: Path = Path("runs/suspects")
    """Folder to write; if it exists, the first free of OUT-2, OUT-3, ..."""
    worst: int = 20
    """Number of images to print and to draw, the most suspicious first."""
    conf: float = 0.25
    """Least score of detections, and least suspicion of boxes, that count; lower finds more, with more false alarms."""
    img_size: int | None = None
    """Side of the network input, pixels; default: that of the training run, else the cfg's width."""
    batch_size: int = EVALUATION_BATCH_SIZE
    """Images per batch."""
    workers: int = 2
    """Processes that read images; 0: the main process reads them."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    offline: bool = False
    """Do not download weights; same as YOLO_OFFLINE=1."""

    def __post_init__(self) -> None:
        require_ranges(self, worst=(0, 1e6), batch_size=(1, 65_536), workers=(0, 1024))
        require("--conf", self.conf, 0 < self.conf < 1, "a number between 0 and 1")
        require_img_size(self.img_size)


def list_suspects(settings: SuspectsSettings) -> None:
    """Print the worst images with the reasons, and write `suspects.csv` with all images and drawings of the worst.

    Raises:
        YoloError: a file is missing or wrong, or data set and network do not belong together.
    """
    model, _ = load_model(settings.cfg, settings.weights, select_device(settings.device), offline=settings.offline)
    run = read_validation_settings(settings.weights)
    source = open_dataset(settings.data)
    index = read_split(source, settings.split, model, single_cls=run.get("single_cls", False))
    matches, losses = match_split(settings, model, index, rect=run.get("rect", False), run_img_size=run.get("img_size"))
    images = rank_images(index, matches, losses, settings.conf)
    suspects = [image for image in images if image.boxes]
    worst = suspects[: settings.worst]

    def write_files(folder: Path) -> None:
        write_csv(folder / "suspects.csv", images, index, matches)
        write_drawings(folder, worst, index, matches, settings.conf)

    out = settings.out.expanduser()
    folder = new_run_folder(str(out.parent), out.name, write_files)
    sys.stdout.write(format_images(worst, index, matches) + "\n")
    logger.info("%d of %d images have suspect boxes: %s", len(suspects), len(images), folder)


def match_split(
    settings: SuspectsSettings, model: Darknet, index: Index, *, rect: bool, run_img_size: int | None
) -> tuple[CocoMatches, dict[int, float]]:
    """Run the network over a split; return the matched detections, and the loss of each image by its position."""
    size = input_size(model.graph, settings.img_size or run_img_size, any_multiple=rect)
    detector = LossDetector(build_evaluation_detector(model), read_loss_settings(settings.weights))
    loader = build_evaluation_loader(
        index,
        size=size,
        batch_size=settings.batch_size,
        workers=settings.workers,
        device=next(model.parameters()).device,
        input_sizes=rect_input_sizes(index, model.graph, size) if rect else None,
    )
    evaluator = Evaluator(index)
    collect_detections(detector, loader, evaluator, settings.split)
    return CocoMatcher(index, evaluator.gather_detections()).match_at_iou50(), detector.losses
