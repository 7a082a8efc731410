"""Settings of `python -m yolo.export`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from yolo.errors import require, require_img_size, require_ranges

FormatName = Literal["onnx", "torchscript", "torch-export", "weights", "safetensors"]


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Export a trained network. A file is kept only if it gives the network's detections on an image."""

    weights: str
    """.weights, .safetensors, or a run's .pt."""
    cfg: str | None = None
    """Network file, or the name of a shipped one; a .pt or .safetensors contains its own."""
    format: tuple[FormatName, ...] = ("onnx",)
    """One or more formats to write."""
    out: str | None = None
    """Path of the files, without suffix; default: beside --weights, with its name."""
    names: str | None = None
    """File with one class name per line; a .pt or .safetensors contains its own."""
    img_size: int | None = None
    """Side of the input for checks and evaluation, pixels; default: the run's, else the cfg's width."""
    nms: bool = False
    """Add non-maximum suppression to ONNX files: they return the --max-det best detections per image."""
    conf_thres: float = 0.25
    """Minimum score of a detection, with --nms and in the checks."""
    iou_thres: float = 0.45
    """IoU above which the weaker of two detections of a class is dropped."""
    max_det: int = 100
    """Maximum number of detections per image."""
    half: bool = False
    """Also write NAME-half.onnx, in half precision up to the decoding."""
    int8: bool = False
    """Also write NAME-int8.onnx, quantised with images of --data."""
    data: str | None = None
    """Data set for the calibration of --int8 and the evaluation of --int8 and --half, as in yolo.test."""
    calibration_images: int = 100
    """Number of images to calibrate on, from the train split if there is one."""
    image: str | None = None
    """Image to check files on; default: a drawn one."""
    fuse: bool = True
    """Fold batch normalisation into the convolutions; .weights and .safetensors keep it."""
    force: bool = False
    """Overwrite existing files."""

    def __post_init__(self) -> None:
        require("--format", "without a value", len(self.format) > 0, "one or more")
        require_img_size(self.img_size)
        require("--conf-thres", self.conf_thres, 0 <= self.conf_thres < 1, "a number from 0 to below 1")
        require("--iou-thres", self.iou_thres, 0 < self.iou_thres <= 1, "a number above 0, up to 1")
        require_ranges(self, max_det=(1, 100_000))
        require_ranges(self, calibration_images=(1, 1e6))
        for flag in ("nms", "half", "int8"):
            allowed = not getattr(self, flag) or "onnx" in self.format
            require(f"--{flag}", f"with --format {' '.join(self.format)}", allowed, "it with --format onnx")
        require("--int8", "without --data", not self.int8 or self.data is not None, "both: it calibrates on the data")
