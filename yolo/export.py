"""`python -m yolo.export`: a trained network as a file for other programs, checked against the network."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import tyro

from yolo.boxes.nms import NmsSettings
from yolo.checkpoints.loading import class_names, load_model, validated_as
from yolo.config.program import run_program
from yolo.errors import require, require_img_size
from yolo.exporting.export_formats import ENDINGS, FormatName
from yolo.exporting.graph import Interface
from yolo.exporting.job import Job
from yolo.exporting.sample_images import LabelledImages, check_inputs
from yolo.exporting.writing import files_of, write_checked

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Export a trained network. Each file is run on an image and must find what the network finds, else it goes."""

    weights: str
    """.weights, .safetensors, or a .pt of a run."""
    cfg: str | None = None
    """Network file, or the name of a shipped one; a .pt or .safetensors brings its own."""
    format: tuple[FormatName, ...] = ("onnx",)
    """What to write, one or more."""
    out: str | None = None
    """Where to, without suffix; default: beside --weights, with its name."""
    names: str | None = None
    """Class names, one a line; a .pt or .safetensors brings its own."""
    img_size: int | None = None
    """Side of the input that is checked and scored, pixels; default: the run's, else the cfg's width."""
    nms: bool = False
    """Let ONNX files suppress: the --max-det best detections an image, not all candidates."""
    conf_thres: float = 0.25
    """Least score of a detection, with --nms and in the checks."""
    iou_thres: float = 0.45
    """Overlap above which the weaker of two detections of a class is dropped."""
    max_det: int = 100
    """Most detections an image."""
    half: bool = False
    """Write NAME-half.onnx too, in half precision up to the decoding."""
    int8: bool = False
    """Write NAME-int8.onnx too, quantised with images of --data."""
    data: str | None = None
    """Data set to calibrate --int8 on, and to score it and --half on: as of yolo.test."""
    calibration_images: int = 100
    """Images to calibrate on, of the train split where there is one."""
    image: str | None = None
    """Image to check on; default: one that is drawn."""
    fuse: bool = True
    """Fold batch normalisation into the convolutions; .weights and .safetensors keep it."""
    force: bool = False
    """Overwrite what is there."""

    def __post_init__(self) -> None:
        require("--format", "without a value", len(self.format) > 0, "one or more")
        require_img_size(self.img_size)
        require("--conf-thres", self.conf_thres, 0 <= self.conf_thres < 1, "a number from 0 to below 1")
        require("--iou-thres", self.iou_thres, 0 < self.iou_thres <= 1, "a number above 0, up to 1")
        require("--max-det", self.max_det, self.max_det >= 1, "1 or more")
        require("--calibration-images", self.calibration_images, self.calibration_images >= 1, "1 or more")
        known = self.out is not None and Path(self.out).suffix in ENDINGS
        require("--out", self.out, not known, "a name without ending: each file gets its own")
        for flag in ("nms", "half", "int8"):
            allowed = not getattr(self, flag) or "onnx" in self.format
            require(f"--{flag}", f"with --format {' '.join(self.format)}", allowed, "it with --format onnx")
        require("--int8", "without --data", not self.int8 or self.data is not None, "both: it calibrates on the data")


def main(arguments: Sequence[str]) -> None:
    """Read the command line and export."""
    settings = tyro.cli(ExportSettings, args=arguments, prog="python -m yolo.export")
    stem = Path(settings.out).expanduser() if settings.out else Path(settings.weights).with_suffix("")
    files = files_of(stem, settings.format, half=settings.half, int8=settings.int8, force=settings.force)
    model, own_names = load_model(settings.cfg, settings.weights, torch.device("cpu"))
    img_size = settings.img_size or validated_as(settings.weights).get("img_size")
    interface = Interface.of(model, img_size)
    multiple = interface.size[0] % interface.stride == 0 or 2 not in interface.open_axes
    require("--img-size", interface.size[0], multiple, f"a multiple of {interface.stride}, the network's stride")
    inputs = check_inputs(interface, Path(settings.image) if settings.image else None)
    job = Job(
        model,
        class_names(settings.names, own_names, model.num_classes),
        interface,
        fused=settings.fuse,
        detecting=NmsSettings(
            score_threshold=settings.conf_thres, iou_threshold=settings.iou_thres, max_detections=settings.max_det
        ),
        suppresses=settings.nms,
        data=LabelledImages(settings.data, interface.size, model.num_classes) if settings.data else None,
        calibration_images=settings.calibration_images,
    )
    for path, kind in files.items():
        for line in write_checked(job, kind, path, inputs):
            sys.stdout.write(line + "\n")


if __name__ == "__main__":
    raise SystemExit(run_program(main))
