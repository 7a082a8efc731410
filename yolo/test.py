"""`python -m yolo.test`: score a trained network on a labelled data set."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from yolo.data.sources import open_source
from yolo.errors import SettingsError, require
from yolo.evaluation.evaluator import Evaluator
from yolo.evaluation.report import format_table
from yolo.inference import Detector, evaluate
from yolo.input_sizes import input_size
from yolo.load import evaluation_loader, load_model, rect_sizes, select_device, validated_as
from yolo.program import run
from yolo.storage import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class TestSettings:
    """Score a trained network: mAP by COCO's rules, precision, recall, a row a class."""

    weights: str
    """.weights, .safetensors, a .pt of a run, or a name of `python -m yolo.weights list`, which is fetched."""
    cfg: str | None = None
    """Network file, or the name of a shipped one; a .pt, a .safetensors and a fetched file bring their own."""
    data: str = "shapes"
    """Data set: a .data file, data.yaml, VOC or COCO folder, COCO .json, folder of pictures, or 'shapes'."""
    split: str = "val"
    """Which split of it."""
    batch_size: int = 16
    """Pictures a batch."""
    img_size: int | None = None
    """Side of the network input, pixels; default: the run's, else the cfg's width."""
    fit: Literal["letterbox", "stretch"] = "letterbox"
    """How a picture fills the square input: bars on two sides, or stretched as C Darknet does."""
    rect: bool = False
    """As little grey around each picture as the network allows; default: as in the run."""
    single_cls: bool = False
    """All objects are of one class; default: as in the run."""
    conf_thres: float = 0.001
    """Least score of a detection that counts."""
    iou_thres: float = 0.6
    """Overlap above which the weaker of two detections of a class is dropped."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU if there is one."""
    workers: int = 2
    """Processes that read pictures; 0: none beside the program."""
    offline: bool = False
    """Never touch the network: weights must be here already; YOLO_OFFLINE=1 says so too."""
    json: str | None = None
    """Write every number to this file."""

    def __post_init__(self) -> None:
        require("--batch-size", self.batch_size, self.batch_size >= 1, "1 or more")
        require("--img-size", self.img_size, self.img_size is None or self.img_size >= 32, "32 or more")
        require("--fit", self.fit, not self.rect or self.fit == "letterbox", "letterbox with --rect, or --no-rect")
        require("--conf-thres", self.conf_thres, 0 <= self.conf_thres < 1, "a number from 0 to below 1")
        require("--iou-thres", self.iou_thres, 0 < self.iou_thres <= 1, "a number above 0, up to 1")


def read_test_settings(arguments: Sequence[str] | None = None) -> TestSettings:
    """The settings of a command line (default: the program's own), over those of the run that wrote the weights."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--weights")
    weights = early.parse_known_args(arguments)[0].weights
    default = TestSettings(weights=weights, **validated_as(weights)) if weights else None
    prog = "python -m yolo.test"
    if default is None:
        return tyro.cli(TestSettings, prog=prog, args=arguments)
    return tyro.cli(TestSettings, prog=prog, args=arguments, default=default)


def main() -> None:
    """Read the command line and score."""
    settings = read_test_settings()
    device = select_device(settings.device)
    model, _ = load_model(settings.cfg, settings.weights, device, offline=settings.offline)
    size = input_size(model.cfg, settings.img_size, any_multiple=settings.rect)
    index = open_source(settings.data).index(settings.split)
    if settings.single_cls:
        index = index.single_class()
    if len(index.names) != model.num_classes:
        raise SettingsError(
            f"--data {settings.data} has {len(index.names)} classes, {model.cfg.path} {model.num_classes}: "
            "use the cfg that the weights were trained with (model.cfg in a run's folder), --single-cls if they were"
        )
    loader = evaluation_loader(
        index,
        size=size,
        batch_size=settings.batch_size,
        workers=settings.workers,
        device=device,
        fit=settings.fit,
        input_sizes=rect_sizes(index, model.cfg, size) if settings.rect else None,
    )
    detector = Detector(model, score_threshold=settings.conf_thres, iou_threshold=settings.iou_thres)
    metrics = evaluate(detector, loader, Evaluator(index), settings.split, loader.batch_size)
    sys.stdout.write(format_table(metrics) + "\n")
    if settings.json:
        with atomic_path(Path(settings.json)) as temporary:
            temporary.write_text(json.dumps(metrics.scalars() | metrics.as_json(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(run(main))
